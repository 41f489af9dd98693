package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/herocode/horus/rpcapi/client"
)

// word is what the flags of submit say about what a signature is good for.
type word struct {
	goodFor         time.Duration
	nonce, audience string
}

func (o *word) bind(f *pflag.FlagSet) {
	f.DurationVar(&o.goodFor, "good-for", 0, "how long the job may be taken in and started (default: for ever)")
	f.StringVar(&o.nonce, "nonce", "", "a word that your key uses for no other job while this one is good: with --good-for")
	f.StringVar(&o.audience, "audience", "", "the one namespace that may run the job (default: any that admitted the key)")
}

// apply gives a job what the flags say.
func (o *word) apply(j client.Job) (client.Job, error) {
	switch {
	case o.goodFor < 0:
		return j, fmt.Errorf("--good-for %s: write how long from now", o.goodFor)
	case o.nonce != "" && o.goodFor == 0:
		return j, errors.New("--nonce: say with --good-for how long nobody may use it again")
	}
	if o.goodFor > 0 {
		j = j.NotAfter(time.Now().Add(o.goodFor))
	}
	if o.nonce != "" {
		j = j.Nonce(o.nonce)
	}
	if o.audience != "" {
		j = j.Audience(o.audience)
	}
	return j, nil
}
