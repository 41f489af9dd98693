package domain

// Name is what users call runners, kinds of executors, keys and namespaces: a
// lower-case letter or digit and up to 63 more of a-z 0-9 . _ -, so that no
// name can be mistaken for a part of a Redis key or of an aggregate.
type Name string

// maxName is the length of the longest name.
const maxName = 64

// ParseName checks a name. Its error has [Invalid] and the reason "name".
func ParseName(s string) (Name, error) {
	for i, c := range []byte(s) {
		alnum := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return "", errName()
		}
	}
	if s == "" || len(s) > maxName {
		return "", errName()
	}
	return Name(s), nil
}

func errName() error {
	return Errorf(Invalid, "name", "a name is 1 to %d of a-z 0-9 . _ - and starts with a letter or digit", maxName)
}

// String returns the name.
func (n Name) String() string { return string(n) }

// UnmarshalText parses text as [ParseName] does.
func (n *Name) UnmarshalText(text []byte) (err error) {
	*n, err = ParseName(string(text))
	return err
}

// Plain reports whether s is made of A-Z a-z 0-9 . _ - / alone, as names and ids
// are: JSON escapes none of them. It takes no branch for a byte, since whether a
// letter or a digit comes next in an id, no processor can guess.
func Plain(s string) bool {
	const (
		digits  = 1<<10 - 1
		letters = 1<<26 - 1
	)
	set := [4]uint64{ // a bit for each byte
		digits<<'0' | 1<<'.' | 1<<'-' | 1<<'/',
		letters<<('A'-64) | letters<<('a'-64) | 1<<('_'-64),
	}
	good := uint64(1)
	for i := range len(s) {
		good &= set[s[i]/64] >> (s[i] % 64)
	}
	return good == 1
}
