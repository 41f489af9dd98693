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
		e = readRemoved(r)
	case "runner.registered":
		e = readRegistered(r)
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
	if members&hasProcess == 0 {
		c.Pin, c.Mode = readRest(r, `{`, members)
		return c
	}
	r.Literal(`{"process":`)
	c.Process = fixedjson.Parsed(r, ParseProcess)
	c.Pin, c.Mode = readRest(r, `,`, members)
	return c
}

// readRest reads what [carried.rest] wrote of it.
func readRest(r *fixedjson.Reader, begin string, members has) (pin signing.PublicKey, mode domain.Mode) {
	member := func(name string) bool {
		there := r.Optional(begin + `"` + name + `":`)
		if there {
			begin = `,`
		}
		return there
	}
	if member("pin") {
		pin = fixedjson.Parsed(r, signing.ParseEd25519)
	}
	if members&hasMode != 0 && member("mode") {
		mode = fixedjson.Parsed(r, domain.ParseMode)
		if mode == domain.Open && r.Err() == nil {
			r.Fail(domain.Errorf(domain.Invalid, "mode", "an open mode is left out"))
		}
	}
	if begin == `{` {
		r.Literal(begin)
	}
	return pin, mode
}

func readRemoved(r *fixedjson.Reader) Removed {
	if r.Optional(`{"awaited":true`) {
		return Removed{Awaited: true}
	}
	c := readCarried(r, hasMode)
	return Removed{Pin: c.Pin, Mode: c.Mode}
}

func readRegistered(r *fixedjson.Reader) Registered {
	r.Literal(`{"label":`)
	e := Registered{Label: fixedjson.Parsed(r, ParseLabel)}
	if e.Awaited = r.Optional(`,"awaited":true`); !e.Awaited {
		e.Pin, e.Mode = readRest(r, `,`, hasMode)
	}
	return e
}

func readJoined(r *fixedjson.Reader) Joined {
	c := readCarried(r, hasProcess|hasMode)
	e := Joined{Process: c.Process, Pin: c.Pin, Mode: c.Mode}
	r.Literal(`,"key":`)
	e.Key = fixedjson.Parsed(r, signing.ParseEd25519)
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
