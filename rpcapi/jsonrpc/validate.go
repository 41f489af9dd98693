package jsonrpc

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"sync"

	"github.com/go-playground/validator/v10"

	"github.com/herocode/horus/domain"
)

// PatternRule is the validation rule that Horus adds to those of the library:
// with `validate:"pattern"`, a string must match the regular expression of the
// field's own tag.
//
//	Name string `json:"name" validate:"required,pattern" pattern:"^[a-z0-9][a-z0-9._-]{0,63}$"`
//
// After dive, it is each element that must match.
const PatternRule = "pattern"

// embedded stands in the library's paths for an embedded struct, which has no
// name on the wire.
const embedded = "\x00"

// rules checks validate tags. It keeps what it read of them, so that a type is
// looked at once.
type rules struct {
	validator *validator.Validate
	patterns  sync.Map // pattern → *regexp.Regexp; as many as the program has tags
}

func newRules() (*rules, error) {
	r := &rules{validator: validator.New(validator.WithRequiredStructEnabled())}
	r.validator.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, tagged := jsonName(f)
		if f.Anonymous && !tagged {
			return embedded
		}
		return name
	})
	if err := r.validator.RegisterValidation(PatternRule, r.matches); err != nil {
		return nil, fmt.Errorf("register rule %s: %w", PatternRule, err)
	}
	return r, nil
}

// try checks a value that is not there, to find tags that cannot be read: the
// library panics on them.
func (r *rules) try(params any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("read validate tags: %v", p)
		}
	}()
	_ = r.check(params) // that the zero value is not valid is no fault
	return nil
}

func (r *rules) matches(field validator.FieldLevel) bool {
	name, _, _ := strings.Cut(field.StructFieldName(), "[") // an element is called Tags[0]
	f, _ := field.Parent().Type().FieldByName(name)
	pattern, ok := f.Tag.Lookup(PatternRule)
	if !ok {
		panic(fmt.Sprintf("jsonrpc: %v.%s has the rule %q but no such tag", field.Parent().Type(), name, PatternRule))
	}
	expr, ok := r.patterns.Load(pattern)
	if !ok {
		expr, _ = r.patterns.LoadOrStore(pattern, regexp.MustCompile(pattern))
	}
	return expr.(*regexp.Regexp).MatchString(field.Field().String())
}

// check checks a pointer to a struct. The error is of code Invalid and points
// at the first member that is wrong.
func (r *rules) check(params any) error {
	err := r.validator.Struct(params)
	wrong, ok := errors.AsType[validator.ValidationErrors](err)
	if !ok {
		return err
	}
	first, within := wrong[0], reflect.TypeOf(params).Elem()
	outer := ""
	if within.Name() != "" {
		outer = within.Name() + "."
	}
	path := strings.ReplaceAll(strings.TrimPrefix(first.Namespace(), outer), embedded+".", "")
	reason, demand := explain(first)
	if pattern := patternOf(within, strings.TrimPrefix(first.StructNamespace(), outer)); reason == PatternRule && pattern != "" {
		demand = "must match " + pattern
	}
	invalid := domain.Errorf(domain.Invalid, reason, "%s %s", cut(path, maxPointerBytes), demand)
	invalid.Pointer = pointerOf(path)
	return invalid
}

// keys are those of maps and the places in lists in one of the library's paths.
var keys = regexp.MustCompile(`\[[^]]*\]`)

// patternOf returns the expression that the field at one of the library's paths
// (Job.Env[KEY].Name) must match; "" if a key hides the way there.
func patternOf(t reflect.Type, path string) (pattern string) {
	for name := range strings.SplitSeq(keys.ReplaceAllString(path, ""), ".") {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			return ""
		}
		field, _ := t.FieldByName(name)
		if pattern = field.Tag.Get(PatternRule); field.Type == nil {
			return ""
		}
		t = field.Type
	}
	return pattern
}

// explain says what a rule asks for.
func explain(e validator.FieldError) (reason, demand string) {
	sized := e.Kind() == reflect.String || e.Kind() == reflect.Slice || e.Kind() == reflect.Map
	unit := ""
	if sized {
		unit = " long"
	}
	switch e.Tag() {
	case "required":
		return "missing", "is required"
	case "min", "gte":
		return "bounds", "must be at least " + e.Param() + unit
	case "max", "lte":
		return "bounds", "must be at most " + e.Param() + unit
	case "gt":
		return "bounds", "must be more than " + e.Param() + unit
	case "lt":
		return "bounds", "must be less than " + e.Param() + unit
	case "len":
		return "bounds", "must be " + e.Param() + unit
	case "oneof":
		return "bounds", "must be one of: " + e.Param()
	case PatternRule:
		return PatternRule, "has a form that is not allowed"
	}
	return "invalid", "must meet the rule " + strings.TrimSuffix(e.Tag()+"="+e.Param(), "=")
}

// pointerOf turns the library's path (job.env[KEY].name) into a JSON Pointer
// (/job/env/KEY/name).
func pointerOf(path string) string {
	var pointer strings.Builder
	for path != "" {
		var token string
		if path[0] == '[' {
			token, path, _ = strings.Cut(path[1:], "]")
		} else {
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			token, path = path[:end], path[end:]
		}
		path = strings.TrimPrefix(path, ".")
		pointer.WriteString("/" + escapePointer(token))
	}
	return pointer.String()
}
