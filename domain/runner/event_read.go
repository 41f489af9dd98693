package runner

import (
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// What an event has of what events have in common.
type has uint8

const (
	hasProcess has = 1 << iota
	hasMode
)

// DecodeEvent reads the data of the event with that wire name.
func DecodeEvent(name string, data []byte) (Event, error) {
	r := fixedjson.NewReader(data)
	var e Event
	switch name {
	case "runner.joined":
		e = readJoined(r)
	case "runner.left":
		e = Left(readCarried(r, hasProcess|hasMode))
	case "runner.paused":
		e = Paused{readCarried(r, 0).Pin}
	case "runner.drained":
		e = Drained{readCarried(r, 0).Pin}
	case "runner.resumed":
		e = Resumed{readCarried(r, 0).Pin}
	case "runner.silent":
		e = Silent(readCarried(r, hasProcess|hasMode))
	case "runner.alive":
		e = Alive(readCarried(r, hasProcess|hasMode))
	case "runner.gone":
		e = Gone(readCarried(r, hasProcess|hasMode))
	case "runner.removed":
		c := readCarried(r, hasMode)
		e = Removed{c.Pin, c.Mode}
	default:
		return nil, domain.Errorf(domain.Invalid, "type", "no runner event has that name")
	}
	r.Literal(`}`)
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("decode %s: %w", name, err)
	}
	return e, nil
}

// readCarried reads what [carried.begin] wrote of it.
func readCarried(r *fixedjson.Reader, members has) (c carried) {
	begin := `{`
	member := func(name string) bool {
		there := r.Optional(begin + `"` + name + `":`)
		if there {
			begin = `,`
		}
		return there
	}
	if members&hasProcess != 0 {
		r.Literal(`{"process":`)
		c.Process, begin = fixedjson.Parsed(r, ParseProcess), `,`
	}
	if member("pin") {
		c.Pin = fixedjson.Parsed(r, signing.ParsePublicKey)
	}
	if members&hasMode != 0 && member("mode") {
		c.Mode = fixedjson.Parsed(r, domain.ParseMode)
		if c.Mode == domain.Open && r.Err() == nil {
			r.Fail(domain.Errorf(domain.Invalid, "mode", "an open mode is left out"))
		}
	}
	if begin == `{` {
		r.Literal(begin)
	}
	return c
}

func readJoined(r *fixedjson.Reader) Joined {
	c := readCarried(r, hasProcess|hasMode)
	e := Joined{Process: c.Process, Pin: c.Pin, Mode: c.Mode}
	r.Literal(`,"key":`)
	e.Key = fixedjson.Parsed(r, signing.ParsePublicKey)
	r.Literal(`,"kinds":`)
	e.Kinds = readNames(r)
	e.Slots = readSlots(r)
	r.Literal(`,"marks":[`)
	for range 1 + maxKinds {
		var m Mark
		r.Literal(`{"queue":`)
		m.Queue = fixedjson.Parsed(r, job.ParseQueue)
		r.Literal(`,"seq":`)
		m.Seq = r.Uint()
		r.Literal(`}`)
		e.Marks = append(e.Marks, m)
		if !r.Optional(`,`) {
			break
		}
	}
	r.Literal(`]`)
	return e
}
