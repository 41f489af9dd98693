package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// deed is what a client does about a job of his that was acknowledged, until it
// has ended and he is done with it.
type deed func(ctx context.Context, c *client.Client, random *rand.Rand, a *ack) error

// await waits until the job has ended.
func await(ctx context.Context, c *client.Client, _ *rand.Rand, a *ack) error {
	view, err := c.Wait(ctx, a.id)
	if err != nil {
		return fmt.Errorf("wait for it: %w", err)
	}
	a.ended, a.state, a.attempt = time.Now(), view.State.String(), int(view.Attempt)
	return nil
}

// stop has the job stopped, a moment after it was submitted.
func stop(ctx context.Context, c *client.Client, random *rand.Rand, a *ack) error {
	time.Sleep(between(random, 0, 1500*time.Millisecond))
	a.asked = time.Now()
	if err := c.Stop(ctx, a.id); err != nil {
		return fmt.Errorf("stop it: %w", err)
	}
	return await(ctx, c, random, a)
}

// remove has the job deleted when it has ended.
func remove(ctx context.Context, c *client.Client, random *rand.Rand, a *ack) error {
	if err := await(ctx, c, random, a); err != nil {
		return err
	}
	if err := c.Delete(ctx, a.id); err != nil {
		return fmt.Errorf("delete it: %w", err)
	}
	a.deleted = true
	return nil
}

// replay gives the job new attempts when it has failed, and waits for its second
// end. While an administrator has its queue drained it is not taken; he opens it
// again. That it is not dead any more may be the answer of the second call, when
// that of the first was lost.
func replay(ctx context.Context, c *client.Client, random *rand.Rand, a *ack) error {
	if err := await(ctx, c, random, a); err != nil || a.state != "failed" {
		return err
	}
	_, err := c.Replay(ctx, wire.Replay{DeadTarget: wire.DeadTarget{ID: a.id}})
	for domain.ReasonOf(err) == "queue_drained" {
		time.Sleep(refusedPause)
		_, err = c.Replay(ctx, wire.Replay{DeadTarget: wire.DeadTarget{ID: a.id}})
	}
	if err != nil && domain.CodeOf(err) != domain.Conflict {
		return fmt.Errorf("replay it: %w", err)
	}
	return await(ctx, c, random, a)
}

// drop takes the job off the dead-letter list when it has failed.
func drop(ctx context.Context, c *client.Client, random *rand.Rand, a *ack) error {
	if err := await(ctx, c, random, a); err != nil || a.state != "failed" {
		return err
	}
	if _, err := c.Drop(ctx, wire.DeadTarget{ID: a.id}); err != nil {
		return fmt.Errorf("drop it: %w", err)
	}
	a.dropped = true
	return nil
}
