package sh_test

import (
	"context"
	"fmt"
	"time"

	"github.com/herocode/horus/runnersdk/sh"
)

func Example() {
	out, err := sh.Runner{}.Run(context.Background(), sh.Command{
		Script:  `printf '\033[1mhello\033[0m %s\n' "$NAME"; echo "attempt $HORUS_ATTEMPT" >&2; exit 3`,
		Env:     map[string]string{"NAME": "world"},
		JobID:   "0197c2f0-demo",
		Attempt: 1,
		Timeout: time.Minute,
		Output: func(s sh.Stream, line string) {
			if s == sh.Stdout {
				fmt.Printf("%q\n", line)
			}
		},
	})
	if err != nil {
		fmt.Println("not run:", err)
		return
	}
	fmt.Println(out)
	fmt.Printf("%q %q\n", out.Result, out.Stderr)
	// Output:
	// "\x1b[1mhello\x1b[0m world"
	// exit status 3
	// "\x1b[1mhello\x1b[0m world\n" "attempt 1\n"
}
