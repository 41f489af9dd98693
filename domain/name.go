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
