package redisstore

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// Dump writes every entry behind a place as it is, whoever wrote it, one line of
// JSON each: {"id":"7-0","fields":["e","…","s","…"]}. A field that is no text
// stands as {"base64":"…"}. It returns how many there were.
func (s *Store) Dump(ctx context.Context, after uint64, w io.Writer) (entries int, err error) {
	out := bufio.NewWriter(w)
	for from := "(" + entryID(after); ; {
		reply, err := s.read.Do(ctx, "XRANGE", s.log, from, "+", "COUNT", maxGets).Slice()
		if err != nil {
			return entries, fmt.Errorf("read %s: %w", s.log, err)
		}
		for _, item := range reply {
			id, line, err := dumpLine(item)
			if err != nil {
				return entries, fmt.Errorf("write an entry of %s: %w", s.log, err)
			}
			if _, err := out.Write(append(line, '\n')); err != nil {
				return entries, err
			}
			from = "(" + id
			entries++
		}
		if len(reply) < maxGets {
			return entries, out.Flush()
		}
	}
}

func dumpLine(item any) (id string, line []byte, err error) {
	entry, ok := item.([]any)
	if !ok || len(entry) != 2 {
		return "", nil, fmt.Errorf("the reply to XRANGE has an entry of %T", item)
	}
	id, _ = entry[0].(string)
	fields, _ := entry[1].([]any)
	for i, field := range fields {
		if text, ok := field.(string); ok && !utf8.ValidString(text) {
			fields[i] = map[string]string{"base64": base64.StdEncoding.EncodeToString([]byte(text))}
		}
	}
	line, err = json.Marshal(struct {
		ID     string `json:"id"`
		Fields []any  `json:"fields"`
	}{id, fields})
	return id, line, err
}
