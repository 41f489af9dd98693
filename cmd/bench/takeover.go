package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/herocode/horus/cmd/node"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

func measureTakeover(ctx context.Context, b *bench) ([]Row, error) {
	var rounds []figures
	for round := range b.cfg.Rounds {
		b.step("round %d of %d", round+1, b.cfg.Rounds)
		took, err := b.takeOver(ctx)
		if err != nil {
			return nil, err
		}
		rounds = append(rounds, figures{"takeover_s": took.Seconds()})
	}
	return []Row{{Name: "a stand-by answers", Figures: spreads(rounds)}}, nil
}

// takeOver ends a leader without its saying so, and returns how long nobody
// could submit.
func (b *bench) takeOver(ctx context.Context) (took time.Duration, err error) {
	way, err := newLine(ctx, b.redis.url)
	if err != nil {
		return 0, err
	}
	defer way.cut()
	s, err := startSystem(ctx, b.redis, options{idle: true, through: way.url})
	if err != nil {
		return 0, err
	}
	second, stop := context.WithCancel(context.WithoutCancel(ctx))
	listening, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- node.Run(second, node.Config{
			RedisURL: b.redis.url, Namespace: s.ns, Name: "second", State: s.state, Unsigned: rpcapi.Countersign,
			Listening: func(url string) { listening <- url },
		})
	}()
	defer func() {
		stop()
		err = errors.Join(err, <-ended, s.forget())
	}()
	var url string
	select {
	case url = <-listening:
	case err := <-ended:
		ended <- nil
		return 0, errors.Join(fmt.Errorf("the stand-by did not start: %w", err), s.end())
	}
	c, err := client.New(client.Config{Addresses: []string{url}, APIKey: s.secret, Attempts: 1})
	if err == nil {
		err = standsBy(ctx, c)
	}
	if err != nil {
		return 0, errors.Join(err, s.end())
	}
	// What the leader does from here on reaches nobody: it is as if killed.
	began := time.Now()
	way.cut()
	s.stop()
	defer func() { _ = s.running.Wait() }() // it ends in trouble, as it should
	err = answered(ctx, c)
	return time.Since(began), err
}

// standsBy returns when the supervisor knows who leads.
func standsBy(ctx context.Context, c *client.Client) error {
	return often(ctx, func() bool {
		info, err := c.Info(ctx)
		return err == nil && info.Role == wire.StandsBy && info.Leader != nil
	})
}

// answered submits until one submit is answered.
func answered(ctx context.Context, c *client.Client) error {
	return often(ctx, func() bool {
		_, err := c.Submit(ctx, client.NewJob("x").Runner(runnerID))
		return err == nil
	})
}

// often asks until it is so.
func often(ctx context.Context, isSo func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !isSo() {
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
