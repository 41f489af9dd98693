package rpcapi

import (
	"context"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// oldKeys are the calls about API keys.
func (a *API) oldKeys() []jsonrpc.Method {
	return []jsonrpc.Method{
		jsonrpc.Define(oldVerifyInfo(), func(ctx context.Context, p oldKey) (verified, error) { return a.verify(ctx, p.given(ctx)) }),
		jsonrpc.Define(oldCreate("auth.create_key"), a.oldCreateKey),
		jsonrpc.Define(oldCreate("auth.key.create"), a.oldCreateKey),
		jsonrpc.Define(withKey(old("key.list", "List API keys. Use `secrets.list`.", oldAdminKey{}, []oldKeyView{{"ci", Admin}})),
			func(ctx context.Context, _ oldAdminKey) ([]oldKeyView, error) {
				list, err := a.secrets(ctx, none{})
				return mapped(list.Secrets, oldKeyViewOf), err
			}),
		jsonrpc.Define(changes(withKey(old("key.remove", "Make an API key good for nothing. Use `secrets.remove`.", oldRemoveKey{Name: "builds"}, jsonrpc.Null{}))),
			func(ctx context.Context, p oldRemoveKey) (jsonrpc.Null, error) {
				_, err := a.removeSecret(ctx, removeSecretParams{RemoveSecret: wire.RemoveSecret{Name: p.Name}})
				return jsonrpc.Null{}, err
			}),
		jsonrpc.Define(oldSecretInfo("add_secret", "Let whoever shows a secret of the caller's choice call. Use `secrets.add`, which makes one that nobody guesses."),
			func(ctx context.Context, p oldChosen) (jsonrpc.Null, error) {
				return jsonrpc.Null{}, a.keepSecret(ctx, p.scope(), p.SecretValue)
			}),
		jsonrpc.Define(oldSecretInfo("remove_secret", "Make a secret good for nothing. Use `secrets.remove`."),
			func(ctx context.Context, p oldChosen) (jsonrpc.Null, error) {
				return jsonrpc.Null{}, a.dropSecret(ctx, p.scope(), p.SecretValue)
			}),
	}
}

// oldKey is the API key that is asked about; with the header it may be missing.
type oldKey struct {
	Key string `json:"key" validate:"max=1024" doc:"The API key; that of the header Authorization: Bearer if absent."`
}

func (p *oldKey) given(ctx context.Context) string {
	if p.Key == "" {
		return jsonrpc.Bearer(ctx)
	}
	return p.Key
}

// oldAdminKey is the secret of calls that have it under that name.
type oldAdminKey struct {
	AdminKey string `json:"admin_key" validate:"max=1024" doc:"API key of scope admin; not needed with the header Authorization: Bearer."`
}

func (s *oldAdminKey) takeSecret() (taken string) {
	taken, s.AdminKey = s.AdminKey, ""
	return taken
}

type oldCreateKey struct {
	oldAdminKey
	Name  string `json:"name" validate:"required,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"What the history calls whoever shows the key."`
	Scope Scope  `json:"scope" validate:"required,oneof=admin user registrar" doc:"What the holder may do."`
}

type oldRemoveKey struct {
	oldAdminKey
	Name string `json:"name" validate:"required,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Name of the API key."`
}

type oldCreated struct {
	Key   string      `json:"key" doc:"The API key itself, which is never shown again."`
	Name  domain.Name `json:"name"`
	Scope Scope       `json:"scope"`
}

type oldKeyView struct {
	Name  domain.Name `json:"name"`
	Scope Scope       `json:"scope"`
}

func oldKeyViewOf(s wire.Secret) oldKeyView { return oldKeyView{s.Name, s.Scope} }

type oldChosen struct {
	oldAdmin
	SecretType  string `json:"secret_type" validate:"required,oneof=admin user register" doc:"What its holder may do; register is the scope registrar."`
	SecretValue string `json:"secret_value" validate:"required,max=1024" doc:"The secret."`
}

func (p *oldChosen) scope() Scope {
	if p.SecretType == "register" {
		return Registrar
	}
	return Scope(p.SecretType)
}

func (a *API) oldCreateKey(ctx context.Context, p oldCreateKey) (oldCreated, error) {
	added, err := a.addSecret(ctx, addSecretParams{AddSecret: wire.AddSecret{Name: p.Name, Scope: p.Scope}})
	return oldCreated{added.Key, added.Name, added.Scope}, err
}

func oldVerifyInfo() jsonrpc.Info {
	info := old("auth.verify", "Tell what an API key is good for.", oldKey{Key: "ci-secret"}, verified{true, "ci", Admin})
	info.Credential = "key"
	return info
}

func oldCreate(name string) jsonrpc.Info {
	return changes(withKey(old(name, "Make an API key. Use `secrets.add`.", oldCreateKey{Name: "builds", Scope: User}, oldCreated{exampleSecret, "builds", User})))
}

func oldSecretInfo(name, summary string) jsonrpc.Info {
	info := changes(old(name, summary, oldChosen{SecretType: "user", SecretValue: "chosen by hand"}, jsonrpc.Null{}))
	info.Credential = "admin_secret"
	return info
}

// withKey is a row for a call whose secret comes first, as admin_key.
func withKey(info jsonrpc.Info) jsonrpc.Info {
	info.Credential = "admin_key"
	return info
}

// changes is a row for a call that changes something.
func changes(info jsonrpc.Info) jsonrpc.Info {
	info.Mutates = true
	return info
}
