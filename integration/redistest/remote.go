package redistest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/redis/go-redis/v9"
)

// errNotOurs says that a Redis which a person runs is used, never governed.
var errNotOurs = errors.New("HORUS_TEST_REDIS_URL names a Redis that is not the test's own: " +
	"give it a Docker engine or a redis-server on the PATH")

// remote is a Redis that somebody else runs. Tests stay within their
// namespaces there, and [Namespace] removes their keys.
type remote struct{ address string }

func findRemote() (backend, error) {
	address := os.Getenv("HORUS_TEST_REDIS_URL")
	if address == "" {
		return nil, errors.New("HORUS_TEST_REDIS_URL is not set")
	}
	return remote{address}, nil
}

func (r remote) launch(ctx context.Context, opts Options) (instance, error) {
	if !opts.isZero() {
		return nil, fmt.Errorf("configure it: %w", errNotOurs)
	}
	client, err := r.client()
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }() // it only asked
	if err := client.Ping(ctx).Err(); err != nil {
		return nil, fmt.Errorf("use %s: %w", r, err)
	}
	return r, nil
}

func (r remote) client() (*redis.Client, error) {
	opts, err := clientOptions(r.address)
	if err != nil {
		return nil, err
	}
	return redis.NewClient(opts), nil
}

func (r remote) url() string { return r.address }

// String names the server without its password.
func (r remote) String() string {
	address, err := url.Parse(r.address)
	if err != nil {
		return "url (malformed)"
	}
	return "url " + address.Redacted()
}

func (remote) signal(context.Context, signal) error { return errNotOurs }

func (remote) restart(context.Context) error { return errNotOurs }

func (remote) remove(context.Context) error { return nil }

// forget removes the keys of a namespace.
func (r remote) forget(ctx context.Context, namespace string) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }() // every command was answered
	const page = 500
	keys := client.Scan(ctx, 0, namespace+":*", page).Iterator()
	for keys.Next(ctx) {
		if err := client.Unlink(ctx, keys.Val()).Err(); err != nil {
			return err
		}
	}
	return keys.Err()
}
