package door

import "testing"

func TestOrigin(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:4711":              "192.0.2.1",
		"[::ffff:192.0.2.1]:4711":     "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:4711": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:4711":         "fe80::/64",
		"pipe":                        "pipe",
		"":                            "",
	} {
		if got := Origin(remote); got != want {
			t.Errorf("Origin(%q) = %q, want %q", remote, got, want)
		}
	}
}
