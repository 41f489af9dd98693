package domain_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
)

// An error whose message named another place than its pointer sent readers of
// the one to a member that was not there.
func TestWithinMovesPointerAndMessage(t *testing.T) {
	for name, c := range map[string]struct{ have, want domain.Error }{
		"a message that names the place": {
			domain.Error{Code: domain.Invalid, Reason: "bounds", Message: "/id: a /id is short", Pointer: "/id"},
			domain.Error{Code: domain.Invalid, Reason: "bounds", Message: "/job/id: a /id is short", Pointer: "/job/id"},
		},
		"one that does not": {domain.Error{Message: "only red", Pointer: "/color"}, domain.Error{Message: "only red", Pointer: "/job/color"}},
		"no place":          {domain.Error{Message: "an object"}, domain.Error{Message: "an object", Pointer: "/job"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := c.have
			if diff := cmp.Diff(&c.want, c.have.Within("/job")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if c.have != before {
				t.Error("the error itself was changed")
			}
		})
	}
}
