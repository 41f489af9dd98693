package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/herocode/horus/eventstore"
)

// maxCut is how many entries one script removes, so that no other command waits
// long behind it.
const maxCut = 500

// Cut removes what stands behind a place, some hundred entries at a time and
// from the end backwards.
//
// A crash between two scripts leaves a log that ends somewhere behind the place
// and takes no commit there: the same call again removes the rest. Redis keeps
// the highest id that a stream ever had, and takes none below it, until the last
// script has set that back.
func (s *Store) Cut(ctx context.Context, term uint64, after eventstore.Tip) error {
	if after.Seq == 0 || after.Seal == "" {
		return fmt.Errorf("cut %s behind no seal: %w", s.log, eventstore.ErrConflict)
	}
	for {
		err := s.run(ctx, cutScript, []string{s.leader, s.log},
			strconv.FormatUint(term, 10), tipID(after), after.Seal, maxCut)
		switch {
		case errors.Is(err, errMore):
			continue
		case err != nil:
			return fmt.Errorf("cut %s behind %d: %w", s.log, after.Seq, err)
		}
		return nil
	}
}
