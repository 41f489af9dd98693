package memviews_test

import (
	"testing"

	"github.com/herocode/horus/projections/viewtest"
)

func TestStore(t *testing.T) {
	viewtest.Run(t, func(*testing.T) *viewtest.Fixture { return &viewtest.InMemory().Fixture })
}
