package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
	"github.com/spf13/pflag"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/spelling"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// maxFile bounds a file of settings, in bytes.
const maxFile = 1 << 20

// originals are the keys that a file of the original may have, and the two that
// its clients may need: whoever adds these to it means the same system as before.
func originals() []string {
	return []string{"unsigned", "anonymous_reads", "redis_url", "namespace", "bind_address", "port", "admin_secrets", "user_secrets", "register_secrets", "actors"}
}

// read sets what a file says of flags that nobody set.
func (f *Filled) read(path string) error {
	if err := f.readFile(path); err != nil {
		return exit.With(exit.Settings, fmt.Errorf("%s: %w", path, err))
	}
	return nil
}

func (f *Filled) readFile(path string) error {
	text, mode, err := load(path)
	if err != nil {
		return err
	}
	content := reflect.New(f.shape())
	d := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	if err := d.Decode(content.Interface()); err != nil {
		return f.explain(err)
	}
	lines := linesOf(text)
	var keys []string
	secret := false
	for i := range content.Elem().NumField() {
		field, value := content.Elem().Type().Field(i), content.Elem().Field(i)
		if value.IsNil() {
			continue
		}
		key := field.Tag.Get("toml")
		keys = append(keys, key)
		if field.Name == actorsField {
			f.Actors = value.Interface().([]wire.Actor) //nolint:forcetypeassert // made by shape
			continue
		}
		flag := f.flags.Lookup(field.Tag.Get("flag"))
		secret = secret || isSecret(flag)
		f.lines[flag.Name] = lines[key]
		if err := set(flag, value); err != nil {
			return fmt.Errorf("line %d: %s: %w", lines[key], key, err)
		}
	}
	f.Original = secret || len(f.Actors) > 0
	for _, key := range keys {
		f.Original = f.Original && slices.Contains(originals(), key)
	}
	if secret && mode.Perm()&0o077 != 0 {
		f.Exposed = path
	}
	return checkActors(f.Actors)
}

// linesOf returns the line of each key of a file that stands in no table.
func linesOf(text []byte) map[string]int {
	lines := map[string]int{}
	var p unstable.Parser
	p.Reset(text)
	for p.NextExpression() && p.Expression().Kind == unstable.KeyValue {
		key := p.Expression().Key()
		key.Next()
		lines[string(key.Node().Data)] = p.Shape(key.Node().Raw).Start.Line
	}
	return lines
}

func load(path string) (text []byte, mode os.FileMode, err error) {
	file, err := os.Open(path) //nolint:gosec // named by whoever starts the program
	if err != nil {
		return nil, 0, errors.Unwrap(err) // the path is said already
	}
	defer func() { _ = file.Close() }() // it was only read
	about, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	text, err = io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("the file has more than %d bytes", maxFile)
	}
	return text, about.Mode(), err
}

// actorsField is the field of the one key that is no flag's.
const actorsField = "Actors"

// shape returns the struct type of a file: a field for each flag, which is nil
// when the file does not have its key, and the original's actors.
func (f *Filled) shape() reflect.Type {
	fields := []reflect.StructField{{Name: actorsField, Type: reflect.TypeFor[[]wire.Actor](), Tag: `toml:"actors"`}}
	f.flags.VisitAll(func(flag *pflag.Flag) {
		key := keyOf(flag)
		if key == "" {
			return
		}
		field := reflect.StructField{Name: "F_" + key, Tag: reflect.StructTag(fmt.Sprintf(`toml:%q flag:%q`, key, flag.Name))}
		switch flag.Value.Type() {
		case "int":
			field.Type = reflect.TypeFor[*int64]()
		case "bool":
			field.Type = reflect.TypeFor[*bool]()
		default:
			if field.Type = reflect.TypeFor[*string](); isMany(flag) {
				field.Type = reflect.TypeFor[[]string]()
			}
		}
		fields = append(fields, field)
	})
	return reflect.StructOf(fields)
}

func isMany(f *pflag.Flag) bool {
	_, many := f.Value.(pflag.SliceValue)
	return many
}

// set gives a flag that nobody set its value. The value of another one is only
// tried.
func set(f *pflag.Flag, value reflect.Value) error {
	if f.Changed {
		return nil
	}
	if list, many := f.Value.(pflag.SliceValue); many {
		f.Changed = true
		return list.Replace(value.Interface().([]string)) //nolint:forcetypeassert // made by shape
	}
	if err := f.Value.Set(fmt.Sprint(value.Elem().Interface())); err != nil {
		return err
	}
	f.Changed = true
	return nil
}

// explain says what is wrong with a file, with the line.
func (f *Filled) explain(err error) error {
	if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		var all []error
		for i := range strict.Errors {
			e := &strict.Errors[i]
			line, _ := e.Position()
			key := strings.Join(e.Key(), ".")
			all = append(all, fmt.Errorf("line %d: there is no setting %q%s", line, key, f.meant(e.Key())))
		}
		return errors.Join(all...)
	}
	if wrong, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := wrong.Position()
		if key := strings.Join(wrong.Key(), "."); key != "" {
			return fmt.Errorf("line %d: %s has a value of the wrong kind: %s", line, key, f.kind(wrong.Key()))
		}
		return fmt.Errorf("line %d: this is no TOML: %s", line, strings.TrimPrefix(wrong.Error(), "toml: "))
	}
	return errors.New("the file cannot be read: it is no TOML that these settings have")
}

// kind says what a key takes.
func (f *Filled) kind(key toml.Key) string {
	kind := "text in quotes"
	field, _ := f.shape().FieldByName("F_" + key[0])
	switch field.Type {
	case reflect.TypeFor[*int64]():
		kind = "a whole number"
	case reflect.TypeFor[*bool]():
		kind = "true or false"
	case reflect.TypeFor[[]string]():
		kind = "a list of texts in quotes"
	}
	return "it takes " + kind
}

// meant asks for the known key that one that is not may stand for.
func (f *Filled) meant(key toml.Key) string {
	known := f.shape()
	if len(key) > 1 && key[0] == "actors" {
		known = reflect.TypeFor[wire.Actor]()
	}
	var names []string
	for field := range known.Fields() {
		names = append(names, field.Tag.Get("toml"))
	}
	if near := spelling.Nearest(key[len(key)-1], names); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// managers are the ways in which the original had a process run.
var managers = regexp.MustCompile(`^(|simple|tmux:[A-Za-z0-9._-]+)$`)

// checkActors checks what is not started here, so that it is right when it is.
func checkActors(actors []wire.Actor) error {
	for i, a := range actors {
		at := "actors " + strconv.Itoa(i+1) + ": "
		if _, err := domain.ParseName(a.ID); err != nil {
			return fmt.Errorf("%sid: %w", at, err)
		}
		if a.BinaryPath == "" {
			return errors.New(at + "binary_path is missing: the program to start")
		}
		if !managers.MatchString(a.ProcessManager) {
			return errors.New(at + "process_manager is simple, or tmux: and the name of a session")
		}
	}
	return nil
}
