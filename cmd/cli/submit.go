package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/jobexit"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/projections/waiting"
	"github.com/herocode/horus/rpcapi/client"
)

// submission is what the flags of submit say.
type submission struct {
	id, runner, executor, file string
	env                        []string
	keyFile                    string
	wait, unsigned             bool
	policy                     policy
	word                       word
}

func submitCommand(s *settings) *cobra.Command {
	var o submission
	cmd := &cobra.Command{
		Use:   "submit [PAYLOAD]",
		Short: "Sign a job and submit it",
		Long: `Sign a job with this user's key and submit it. The payload is the argument, a
file, or the standard input.

A job for no runner in particular goes to any runner of the kind sh. The payload
has at most 256 KiB.

With --wait the job's output is printed and horus exits with the job's own code:
128 and the signal's number when one ended it, 124 when it timed out, 125 when it
was not run.`,
		Example: `  horus submit --runner r1 --wait 'echo hello'
  horus submit --executor sh --file deploy.sh --env STAGE=test
  horus submit --executor sh --delay 1h --expires-in 2h 'backup'
  horus submit --executor sh --retry-on error,timeout --max-attempts 5 --backoff 2s,3,1m 'curl -f https://example.org/hook'
  date | horus submit --runner r1 -`,
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			payload, err := o.text(args, cmd.InOrStdin())
			if err != nil {
				return err
			}
			return s.submit(cmd, &o, payload)
		},
	}
	f := cmd.Flags()
	o.bind(f)
	f.BoolVarP(&o.wait, "wait", "w", false, "wait for the outcome, print the output, exit with the job's code")
	f.BoolVar(&o.unsigned, "unsigned", false, "do not sign: the supervisor vouches for your API key, if it is set to")
	return cmd
}

// bind adds the flags that say what the job is, and who signs it.
func (o *submission) bind(f *pflag.FlagSet) {
	f.StringVar(&o.id, "id", "", "id of the job, for ever; the same job with the same id runs once (default: a new one)")
	f.StringVarP(&o.runner, "runner", "r", "", "runner id that the job is for")
	f.StringVarP(&o.executor, "executor", "e", "", "kind of runner, such as sh; any runner of the kind takes the job")
	f.StringVarP(&o.file, "file", "f", "", "read the payload from a file")
	f.StringArrayVar(&o.env, "env", nil, "set a variable of the job, as NAME=VALUE; may be repeated")
	f.StringVar(&o.keyFile, "key-file", "", "file of the key that signs the job (default: this user's own)")
	o.policy.bind(f)
	o.word.bind(f)
}

// payload finds what the job runs.
func (o *submission) payload(args []string, stdin io.Reader) (string, error) {
	switch {
	case o.file != "" && len(args) > 0:
		return "", errors.New("give the payload as an argument or with --file, not both")
	case o.file != "":
		data, err := os.ReadFile(o.file)
		return string(data), err
	case len(args) == 1 && args[0] != "-":
		return args[0], nil
	}
	if file, ok := stdin.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return "", errors.New("give the payload as an argument, with --file, or through a pipe")
	}
	data, err := io.ReadAll(io.LimitReader(stdin, job.MaxPayloadBytes+1))
	if err == nil && len(data) == 0 {
		err = errors.New("the payload is empty: give it as an argument, with --file, or through a pipe")
	}
	return string(data), err
}

// job makes the job that the flags describe.
func (o *submission) job(payload string) (client.Job, error) {
	j := client.NewJob(payload).ID(o.id).Runner(o.runner).Executor(o.executor)
	if o.runner == "" && o.executor == "" {
		j = j.Executor("sh")
	}
	j, err := o.policy.apply(j)
	if err == nil {
		j, err = o.word.apply(j)
	}
	if err != nil {
		return j, err
	}
	for _, pair := range o.env {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return j, fmt.Errorf("--env %s: write NAME=VALUE", pair)
		}
		j = j.Env(name, value)
	}
	return j, nil
}

// named makes the job with an id.
func (o *submission) named(payload string) (client.Job, error) {
	if o.id == "" {
		o.id = uuid.Must(uuid.NewV7()).String() // fails with crypto/rand only, which never does
	}
	j, err := o.job(payload)
	return j, exit.With(exit.Usage, err)
}

func (s *settings) submit(cmd *cobra.Command, o *submission, payload string) error {
	if o.unsigned && (o.keyFile != "" || o.word.nonce != "") {
		return exit.With(exit.Usage, errors.New("--unsigned: nobody signs, so say neither --key-file nor --nonce"))
	}
	j, err := o.named(payload)
	if err != nil {
		return err
	}
	var key signing.PrivateKey
	if !o.unsigned {
		if key, err = s.signer(o); err != nil {
			return err
		}
	}
	c, err := s.connect(cmd.Context(), key)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	receipt, err := c.Submit(ctx, j)
	if err != nil {
		return explainSubmit(err, key, o)
	}
	if !o.wait {
		return s.print(cmd, receipt, func(w io.Writer) {
			_, _ = fmt.Fprintln(w, receipt.ID)
			sayUnserved(ctx, cmd.ErrOrStderr(), c, receipt.ID)
		})
	}
	return s.follow(ctx, cmd, c, receipt.ID)
}

// explainSubmit tells a new user how to become a known one, and whoever cannot be
// told what became of the job what its id is.
func explainSubmit(err error, key signing.PrivateKey, o *submission) error {
	if code := domain.CodeOf(err); code == domain.NotDurable || code == domain.Indeterminate {
		return fmt.Errorf("%w; the job is %s: 'horus get %s' shows whether it is there", err, o.id, o.id)
	}
	if domain.CodeOf(err) == domain.Forbidden && domain.ReasonOf(err) == "key" {
		add := "horus keys add"
		if o.keyFile != "" {
			add += " --name NAME --key-file " + o.keyFile
		}
		return exit.With(exit.NotAllowed, fmt.Errorf("your key %s is not admitted yet: run '%s', or submit with --unsigned", key.Public().ID(), add))
	}
	return err
}

// whyAfter is how long a job may wait before its submitter is told why.
const whyAfter = 3 * time.Second

// hintTime is how long whoever does not wait for his job waits for a hint.
const hintTime = time.Second

// sayUnserved says that nobody takes a job that was just submitted. A job that
// will be taken needs no word, and the submit was a success without one.
func sayUnserved(ctx context.Context, w io.Writer, c *client.Client, id string) {
	ctx, cancel := context.WithTimeout(ctx, hintTime)
	defer cancel()
	why, err := c.Explain(ctx, id)
	if err == nil && why.Waiting != nil && why.Waiting.Reason == string(waiting.NoRunner) {
		_, _ = fmt.Fprintf(w, "horus: job %s waits: %s\n", id, why.Waiting.Message)
	}
}

// sayWhy says why a job does not run, if something keeps it.
func sayWhy(ctx context.Context, w io.Writer, c *client.Client, id string) {
	if why, err := c.Explain(ctx, id); err == nil && why.Waiting != nil {
		_, _ = fmt.Fprintf(w, "horus: job %s is %s: %s\n", id, why.State, why.Waiting.Message)
	}
}

// follow waits for a job's outcome and ends as the job did.
func (s *settings) follow(ctx context.Context, cmd *cobra.Command, c *client.Client, id string) error {
	defer func() {
		if ctx.Err() != nil {
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "horus: stopped waiting for job %s; it goes on without us\n", id)
		}
	}()
	if !s.json {
		defer time.AfterFunc(whyAfter, func() { sayWhy(ctx, cmd.ErrOrStderr(), c, id) }).Stop()
		return jobexit.Follow(ctx, c, id, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	done, err := c.Wait(ctx, id)
	if err != nil {
		return err
	}
	if err := s.print(cmd, done, nil); err != nil {
		return err
	}
	return exit.Silently(jobexit.Code(done))
}
