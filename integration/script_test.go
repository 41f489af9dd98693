package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/rpcapi/door/doortest"
)

// TestScripts plays the stories of the command line in testdata/script, each in
// a namespace and with a state directory of its own. Besides testscript's own
// commands they may say:
//
//	exits CODE PROGRAM ARG...   run a program, which must exit with CODE
//	leads                       wait until the supervisor of the state directory leads
//	says FILE TEXT              wait until a program has written TEXT into FILE
//	redis COMMAND ARG...        do something to Redis behind everybody's back; prints the answer
//	spoil FILE LINE             change one letter in the middle of a line
//	certify DIR NAME...         write certificates of a new authority into a directory: ca.crt, NAME.crt, NAME.key
//	call JSON                   send a JSON-RPC message to the supervisor of the state directory; prints the answer
//	cut                         remove the last commit from the log, as if it had never been
func TestScripts(t *testing.T) {
	mustBuild(t)
	server := redistest.Shared(t)
	client := server.Client()
	verifier, err := filepath.Abs(filepath.Join("..", "docs", "verify.py"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", programs+string(filepath.ListSeparator)+env.Getenv("PATH"))
			env.Setenv("VERIFIER", verifier)
			env.Setenv("HORUS_REDIS_URL", server.URL())
			env.Setenv("HORUS_NAMESPACE", redistest.Namespace(t))
			env.Setenv("HORUS_STATE_DIR", filepath.Join(env.WorkDir, "state"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"leads":   someoneLeads,
			"says":    says,
			"spoil":   spoil,
			"certify": certify,
			"call":    call,
			"cut":     func(ts *testscript.TestScript, _ bool, _ []string) { cut(ts, client) },
			"redis": func(ts *testscript.TestScript, _ bool, args []string) {
				redisSays(ts, client, args)
			},
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func someoneLeads(ts *testscript.TestScript, _ bool, _ []string) {
	path := filepath.Join(ts.Getenv("HORUS_STATE_DIR"), ts.Getenv("HORUS_NAMESPACE"), "address")
	await(ts, func(ctx context.Context) error {
		address, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		code, body, err := fetch(ctx, strings.TrimSpace(string(address))+"/readyz")
		if err == nil && code != http.StatusOK {
			err = fmt.Errorf("/readyz: %d %s", code, body)
		}
		return err
	})
}

func says(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: says FILE TEXT")
	}
	path := ts.MkAbs(args[0])
	await(ts, func(context.Context) error {
		text, err := os.ReadFile(path)
		if err == nil && !strings.Contains(string(text), args[1]) {
			err = fmt.Errorf("%s holds no %q:\n%s", args[0], args[1], text)
		}
		return err
	})
}

func call(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: call JSON")
	}
	address, err := os.ReadFile(filepath.Join(ts.Getenv("HORUS_STATE_DIR"), ts.Getenv("HORUS_NAMESPACE"), "address"))
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSpace(string(address)), strings.NewReader(args[0]))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer func() { _ = resp.Body.Close() }() // it was read
	_, err = io.Copy(ts.Stdout(), resp.Body)
	ts.Check(err)
}

func certify(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: certify DIR NAME...")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	authority, err := doortest.NewAuthority()
	ts.Check(err)
	for _, name := range args[1:] {
		ts.Check(authority.Write(dir, name))
	}
}

// await looks until there is no error.
func await(ts *testscript.TestScript, look func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ts.Check(until(ctx, look))
}

func redisSays(ts *testscript.TestScript, client *redis.Client, args []string) {
	command := make([]any, len(args))
	for i, arg := range args {
		command[i] = arg
	}
	answer, err := client.Do(context.Background(), command...).Result()
	ts.Check(err)
	_, err = fmt.Fprintln(ts.Stdout(), answer)
	ts.Check(err)
}

func spoil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: spoil FILE LINE")
	}
	number, err := strconv.Atoi(args[1])
	ts.Check(err)
	lines := strings.Split(ts.ReadFile(args[0]), "\n")
	line := []byte(lines[number-1])
	middle := len(line) / 2
	for line[middle] < 'a' || line[middle] >= 'z' {
		middle++
	}
	line[middle]++
	lines[number-1] = string(line)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(lines, "\n")), 0o600))
}

func cut(ts *testscript.TestScript, client *redis.Client) {
	ctx, log := context.Background(), ts.Getenv("HORUS_NAMESPACE")+":{p000}:log"
	for removed := 0; ; removed++ {
		last, err := client.XRevRangeN(ctx, log, "+", "-", 1).Result()
		ts.Check(err)
		if _, sealed := last[0].Values["s"]; sealed && removed > 0 {
			return
		}
		ts.Check(client.XDel(ctx, log, last[0].ID).Err())
	}
}
