package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSummary(t *testing.T) {
	tests := []struct {
		name string
		in   []string
		want string
		good bool
	}{
		{
			name: "passing tests are counted, their output is not shown, their Redis is",
			in: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"noise\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"redistest: container i at a:1\n"}`,
				`{"Action":"pass","Package":"p","Test":"TestA/b"}`,
				`{"Action":"pass","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Output":"PASS\n"}`,
				`{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}`,
				`{"Action":"pass","Package":"p"}`,
			},
			want: "redistest: container i at a:1\nok  \tp\t0.1s\n2 passed, 0 failed\n",
			good: true,
		},
		{
			name: "a failing test says why, and its package is not counted again",
			in: []string{
				`{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"a_test.go:1: wrong\n"}`,
				`{"Action":"fail","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			want: "a_test.go:1: wrong\nFAIL\tp\t0.1s\n0 passed, 1 failed\n",
		},
		{
			name: "a package that does not build is a failure",
			in: []string{
				`{"ImportPath":"p","Action":"build-output","Output":"p.go:1: syntax error\n"}`,
				`{"Action":"pass","Package":"q","Test":"TestA"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			want: "p.go:1: syntax error\n1 passed, 1 failed\n",
		},
		{
			name: "a test whose process died says its last words",
			in: []string{
				`{"Action":"output","Package":"p","Test":"TestA","Output":"panic: x\n"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			want: "panic: x\n0 passed, 1 failed\n",
		},
		{
			name: "skipped tests are not counted as passed",
			in: []string{
				`{"Action":"output","Package":"p","Test":"TestA","Output":"a_test.go:1: no engine\n"}`,
				`{"Action":"skip","Package":"p","Test":"TestA"}`,
				`{"Action":"pass","Package":"p","Test":"TestB"}`,
			},
			want: "a_test.go:1: no engine\n1 skipped\n1 passed, 0 failed\n",
			good: true,
		},
		{
			name: "no test at all is a failure",
			in:   []string{`go: no such tool`},
			want: "go: no such tool\nno test ran\n0 passed, 1 failed\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			sum := newSummary(&out)
			if err := sum.read(strings.NewReader(strings.Join(test.in, "\n") + "\n")); err != nil {
				t.Fatal(err)
			}
			good := sum.report()
			if diff := cmp.Diff(test.want, out.String()); diff != "" {
				t.Errorf("printed (-want +got):\n%s", diff)
			}
			if good != test.good {
				t.Errorf("good is %v, want %v", good, test.good)
			}
		})
	}
}
