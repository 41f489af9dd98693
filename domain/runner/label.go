package runner

import (
	"regexp"

	"github.com/herocode/horus/domain"
)

// Label is what people who register a runner call its queue. It is kept for
// them and means nothing here.
type Label string

// LabelPattern is what labels look like. At most 128 characters, none of which
// any encoding writes in another way.
const LabelPattern = `^[A-Za-z0-9][A-Za-z0-9._:/-]*$`

const maxLabelBytes = 128

// ParseLabel reads a label.
func ParseLabel(s string) (Label, error) {
	if len(s) > maxLabelBytes || !regexp.MustCompile(LabelPattern).MatchString(s) {
		return "", domain.Errorf(domain.Invalid, "label", "the name of a queue has 1 to %d characters: letters, digits, and . _ : / - behind the first", maxLabelBytes)
	}
	return Label(s), nil
}
