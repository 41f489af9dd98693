package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain/signing"
)

func signCommand(s *settings) *cobra.Command {
	var o submission
	cmd := &cobra.Command{
		Use:   "sign [PAYLOAD]",
		Short: "Sign a job and print it",
		Long: `Sign a job as submit does, and print it instead of sending it: one line of JSON,
a DSSE envelope, to be the member job of a call of jobs.submit. Nobody is asked
anything. The job is the same however often it is sent.`,
		Example: `  horus sign --runner r1 'echo hello' > job.json
  curl -s http://127.0.0.1:3030/ -H 'Content-Type: application/json' -H "Authorization: Bearer $HORUS_API_KEY" \
    -d '{"jsonrpc":"2.0","id":1,"method":"jobs.submit","params":{"job":'"$(cat job.json)"'}}'`,
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return s.sign(cmd, &o, args) },
	}
	o.bind(cmd.Flags())
	return cmd
}

func (s *settings) sign(cmd *cobra.Command, o *submission, args []string) error {
	payload, err := o.text(args, cmd.InOrStdin())
	if err != nil {
		return err
	}
	key, err := s.signer(o)
	if err != nil {
		return err
	}
	j, err := o.named(payload)
	if err != nil {
		return err
	}
	text, err := j.Sign(key)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", text)
	return err
}

// signer is the key that signs a job: the one that --key-file names, or this
// user's.
func (s *settings) signer(o *submission) (signing.PrivateKey, error) {
	if o.keyFile == "" {
		return s.clientKey()
	}
	key, err := statedir.LoadKey(o.keyFile)
	return key, exit.With(exit.Settings, err)
}

func generateKeyCommand(s *settings) *cobra.Command {
	var algorithm string
	cmd := &cobra.Command{
		Use:   "generate FILE",
		Short: "Make a key that signs jobs",
		Long: `Make a key in a file that only you may read: PKCS#8 in PEM, as OpenSSL reads it.
Nothing is written over. Have it admitted with keys add --key-file, and sign with
it by submit --key-file or sign --key-file.

This user's own key needs none of this: it is made when it is first used.`,
		Example: `  horus keys generate ci.key && horus keys add --name ci --key-file ci.key
  horus keys generate --algorithm secp256k1 ann.key`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return s.generateKey(cmd, algorithm, args[0]) },
	}
	cmd.Flags().StringVar(&algorithm, "algorithm", string(signing.Ed25519), "ed25519, or secp256k1, with which clients sign and nobody else")
	return cmd
}

func (s *settings) generateKey(cmd *cobra.Command, algorithm, path string) error {
	generate := signing.GenerateKey
	switch signing.Algorithm(algorithm) {
	case signing.Ed25519:
	case signing.Secp256k1:
		generate = signing.GenerateSecp256k1
	default:
		return exit.With(exit.Usage, fmt.Errorf("--algorithm is %s or %s, not %q", signing.Ed25519, signing.Secp256k1, algorithm))
	}
	key, err := generate(rand.Reader)
	if err != nil {
		return err
	}
	text, err := key.MarshalPEM()
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return exit.With(exit.Settings, fmt.Errorf("make the key: %w", err))
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return exit.With(exit.Settings, fmt.Errorf("make the key: %w", err))
	}
	return s.printKey(cmd, key)
}

func showKeyCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "show [FILE]",
		Short: "Show the public half of a key",
		Long:  `Show the public half of a key file, or of this user's own key, and what it is called in the history.`,
		Args:  arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var o submission
			if len(args) == 1 {
				o.keyFile = args[0]
			}
			key, err := s.signer(&o)
			if err != nil {
				return err
			}
			return s.printKey(cmd, key)
		},
	}
}

// shownKey is what may be known of a private key.
type shownKey struct {
	KeyID     signing.KeyID     `json:"key_id"`
	Algorithm signing.Algorithm `json:"algorithm"`
	PublicKey string            `json:"public_key"`
}

func (s *settings) printKey(cmd *cobra.Command, key signing.PrivateKey) error {
	public := key.Public()
	shown := shownKey{public.ID(), public.Algorithm(), public.String()}
	return s.print(cmd, shown, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "key id      %s\nalgorithm   %s\npublic key  %s\n", shown.KeyID, shown.Algorithm, shown.PublicKey)
	})
}

// text is the payload, which is text.
func (o *submission) text(args []string, stdin io.Reader) (string, error) {
	payload, err := o.payload(args, stdin)
	if err == nil && !utf8.ValidString(payload) {
		err = errors.New("the payload is not UTF-8 text")
	}
	return payload, exit.With(exit.Usage, err)
}
