package client

import (
	"context"

	"github.com/herocode/horus/rpcapi/client/wire"
)

// AddSecret adds an API key, which is in the answer and nowhere else. Asked again
// it is an error with the reason "api_key_taken": where the first answer was
// lost, remove the key and add it anew. It needs an API key of scope admin.
func (c *Client) AddSecret(ctx context.Context, s wire.AddSecret) (added wire.SecretAdded, err error) {
	err = c.Call(ctx, "secrets.add", s, &added)
	return added, err
}

// Secrets returns every API key that may call, but for the secrets themselves. It
// needs an API key of scope admin.
func (c *Client) Secrets(ctx context.Context) (list wire.Secrets, err error) {
	err = c.Call(ctx, "secrets.list", struct{}{}, &list)
	return list, err
}

// RemoveSecret makes an API key good for nothing. The reason is for people, in
// one line of at most 200 bytes, and may be empty. It needs an API key of scope
// admin.
func (c *Client) RemoveSecret(ctx context.Context, name, reason string) (removed wire.SecretRemoved, err error) {
	err = c.Call(ctx, "secrets.remove", wire.RemoveSecret{Name: name, Reason: reason}, &removed)
	return removed, err
}
