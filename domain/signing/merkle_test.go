package signing_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/signing"
)

func readVectors(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// leavesOf returns n different leaf hashes.
func leavesOf(n int) []signing.Hash {
	leaves := make([]signing.Hash, n)
	for i := range leaves {
		leaves[i] = signing.LeafHash(binary.BigEndian.AppendUint32(nil, uint32(i)))
	}
	return leaves
}

// naiveRoot is the recursive definition of RFC 6962, section 2.1, word for word.
func naiveRoot(leaves []signing.Hash) signing.Hash {
	if len(leaves) == 0 {
		return sha256.Sum256(nil)
	}
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := split(len(leaves))
	left, right := naiveRoot(leaves[:k]), naiveRoot(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

// naivePath is the recursive definition of RFC 6962, section 2.1.1.
func naivePath(leaves []signing.Hash, m int) []signing.Hash {
	if len(leaves) <= 1 {
		return nil
	}
	k := split(len(leaves))
	if m < k {
		return append(naivePath(leaves[:k], m), naiveRoot(leaves[k:]))
	}
	return append(naivePath(leaves[k:], m-k), naiveRoot(leaves[:k]))
}

// split returns the largest power of two smaller than n.
func split(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}

func TestReferenceTree(t *testing.T) {
	var file struct {
		Leaves []string `json:"leaves_hex"`
		Hashes []string `json:"leaf_hashes_hex"`
		Roots  []string `json:"roots_hex_by_tree_size_0_to_8"`
		Second struct {
			Leaves     []string `json:"two_leaves_hex"`
			Forged     string   `json:"forged_single_leaf_hex"`
			Root       string   `json:"correct_root_two_leaves_hex"`
			ForgedRoot string   `json:"correct_root_forged_leaf_hex"`
		} `json:"second_preimage_case"`
	}
	readVectors(t, "rfc6962/known-answers.json", &file)
	var leaves []signing.Hash
	for n, want := range file.Roots {
		if got := signing.Root(leaves).String(); got != want {
			t.Errorf("root of %d leaves is %s, want %s", n, got, want)
		}
		if n < len(file.Leaves) {
			leaf := signing.LeafHash(unhex(t, file.Leaves[n]))
			if leaf.String() != file.Hashes[n] {
				t.Errorf("leaf %d is %s, want %s", n, leaf, file.Hashes[n])
			}
			leaves = append(leaves, leaf)
		}
	}
	second := []signing.Hash{signing.LeafHash(unhex(t, file.Second.Leaves[0])), signing.LeafHash(unhex(t, file.Second.Leaves[1]))}
	forged := signing.LeafHash(unhex(t, file.Second.Forged))
	if signing.Root(second).String() != file.Second.Root || signing.Root([]signing.Hash{forged}).String() != file.Second.ForgedRoot {
		t.Error("a node can be passed off as a leaf")
	}
}

func TestPublishedInclusionVectors(t *testing.T) {
	var vectors []struct {
		File, Desc        string
		LeafIdx, TreeSize uint64
		Root, LeafHash    string
		Proof             []string
		WantErr           bool
	}
	readVectors(t, "rfc6962/inclusion.json", &vectors)
	for _, v := range vectors {
		if good := leadsToRoot(t, v.LeafHash, v.Root, v.LeafIdx, v.TreeSize, v.Proof); good == v.WantErr {
			t.Errorf("%s (%s): good %v", v.File, v.Desc, good)
		}
	}
	if len(vectors) != 98 {
		t.Errorf("%d vectors, want 98", len(vectors))
	}
}

// leadsToRoot goes the whole way from text; what is no hash leads nowhere.
func leadsToRoot(t *testing.T, leafText, rootText string, index, count uint64, proof []string) bool {
	t.Helper()
	raw := func(text string) []byte {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	leaf, err := signing.ParsePath(raw(leafText))
	if err != nil || len(leaf) != 1 {
		return false
	}
	var path []signing.Hash
	for _, text := range proof {
		step, err := signing.ParsePath(raw(text))
		if err != nil || len(step) != 1 {
			return false
		}
		path = append(path, step[0])
	}
	root, err := signing.RootFromPath(leaf[0], index, count, path)
	return err == nil && bytes.Equal(root[:], raw(rootText))
}

func TestTreesAreThoseOfTheDefinition(t *testing.T) {
	for n := range 300 {
		leaves := leavesOf(n)
		before := slices.Clone(leaves)
		root, paths := signing.Root(leaves), signing.Paths(leaves)
		if root != naiveRoot(leaves) || len(paths) != n {
			t.Fatalf("%d leaves: another root, or %d paths", n, len(paths))
		}
		if n > 70 && n%37 != 0 { // every shape is in the first 70; further on a few are enough
			continue
		}
		for i, path := range paths {
			want := naivePath(leaves, i)
			if diff := cmp.Diff(want, append([]signing.Hash(nil), path...)); diff != "" {
				t.Fatalf("path of %d in %d:\n%s", i, n, diff)
			}
			if alone := signing.Path(leaves, i); !cmp.Equal(path, alone) {
				t.Fatalf("path of %d in %d differs when it is made alone", i, n)
			}
			if got, err := signing.RootFromPath(leaves[i], uint64(i), uint64(n), path); err != nil || got != root {
				t.Fatalf("path of %d in %d leads to %v, %v", i, n, got, err)
			}
		}
		if !slices.Equal(before, leaves) {
			t.Fatalf("%d leaves were changed", n)
		}
	}
}

func TestLeafHashOfEveryLength(t *testing.T) {
	for n := range 2100 {
		data := bytes.Repeat([]byte{byte(n)}, n)
		if want := signing.Hash(sha256.Sum256(append([]byte{0}, data...))); signing.LeafHash(data) != want {
			t.Fatalf("leaf of %d bytes", n)
		}
	}
}

func TestChangedPathsLeadElsewhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 256).Draw(t, "leaves")
		i := rapid.IntRange(0, n-1).Draw(t, "index")
		leaves := leavesOf(n)
		root := signing.Root(leaves)
		leaf, index, count := leaves[i], uint64(i), uint64(n)
		path := append([]signing.Hash(nil), signing.Paths(leaves)[i]...)
		switch what := rapid.SampledFrom([]string{"bit", "leaf", "longer", "shorter", "index", "swap"}).Draw(t, "change"); {
		case what == "bit" && len(path) > 0:
			path[rapid.IntRange(0, len(path)-1).Draw(t, "step")][rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		case what == "longer":
			at := rapid.IntRange(0, len(path)).Draw(t, "at")
			path = append(path[:at:at], append([]signing.Hash{leaf}, path[at:]...)...)
		case what == "shorter" && len(path) > 0:
			at := rapid.IntRange(0, len(path)-1).Draw(t, "at")
			path = append(path[:at:at], path[at+1:]...)
		case what == "index":
			index = (index + uint64(rapid.IntRange(1, 300).Draw(t, "by"))) % 512
			if index == uint64(i) {
				return
			}
		case what == "swap" && len(path) > 1:
			path[0], path[1] = path[1], path[0]
		default:
			leaf[rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1
		}
		if got, err := signing.RootFromPath(leaf, index, count, path); err == nil && got == root {
			t.Fatalf("still leads to the root of %d", n)
		}
	})
}

func TestPathsOfGreatTrees(t *testing.T) {
	leaf, step := signing.LeafHash(nil), signing.LeafHash([]byte("x"))
	full := make([]signing.Hash, 64)
	for i := range full {
		full[i] = step
	}
	const most = 1<<64 - 1 // leaves: the last has 63 partners to its left
	for _, tt := range []struct {
		index, count uint64
		length       int
	}{{0, 1, 0}, {0, 2, 1}, {2, 3, 1}, {0, 3, 2}, {6, 7, 2}, {0, most, 64}, {most - 1, most, 63}, {1 << 62, 1<<62 + 1, 1}} {
		for n := range len(full) + 1 {
			_, err := signing.RootFromPath(leaf, tt.index, tt.count, full[:n])
			if (err == nil) != (n == tt.length) {
				t.Errorf("leaf %d of %d with %d steps: %v", tt.index, tt.count, n, err)
			}
			if err != nil {
				wantInvalid(t, "path", err, "path")
			}
		}
	}
	_, err := signing.RootFromPath(leaf, 0, 0, nil)
	wantInvalid(t, "a leaf of an empty tree", err, "path")
	_, err = signing.RootFromPath(leaf, 5, 5, full[:3])
	wantInvalid(t, "a leaf behind the last", err, "path")
}

func TestPathBytes(t *testing.T) {
	for n := range 65 {
		path := leavesOf(n)
		raw := signing.AppendPath([]byte("x"), path)
		back, err := signing.ParsePath(raw[1:])
		if err != nil || !cmp.Equal(back, path) || len(raw) != 1+32*n {
			t.Errorf("%d hashes: %d bytes, %v", n, len(raw), err)
		}
	}
	for _, n := range []int{1, 31, 33, 63, 65 * 32} {
		_, err := signing.ParsePath(make([]byte, n))
		wantInvalid(t, "a path of odd length", err, "path")
	}
}

func TestHashHasOneSpelling(t *testing.T) {
	h := signing.LeafHash(nil)
	text := h.String()
	if back, err := signing.ParseHash(text); err != nil || back != h || h.IsZero() || !(signing.Hash{}).IsZero() {
		t.Errorf("%s came back as %s, %v", text, back, err)
	}
	for _, bad := range []string{"", text[1:], text + "0", strings.ToUpper(text), text[:62] + "0x"} {
		_, err := signing.ParseHash(bad)
		wantInvalid(t, bad, err, "hash")
	}
}

// FuzzInclusionProof looks for a second way to the root: whatever leads from a
// leaf at a place to the root of the tree must be the leaf and path of that place.
func FuzzInclusionProof(f *testing.F) {
	const n = 13
	leaves := leavesOf(n)
	root, paths := signing.Root(leaves), signing.Paths(leaves)
	for i, path := range paths {
		raw := signing.AppendPath(nil, path)
		for raw := range seedtest.Variants(raw) {
			f.Add(leaves[i][:], uint64(i), uint64(n), raw)
		}
	}
	f.Fuzz(func(t *testing.T, leaf []byte, index, count uint64, raw []byte) {
		path, err := signing.ParsePath(raw)
		if err != nil {
			wantInvalid(t, "path", err, "path")
			return
		}
		if !bytes.Equal(signing.AppendPath(nil, path), raw) {
			t.Fatal("a path has two spellings")
		}
		if len(leaf) != 32 {
			return
		}
		got, err := signing.RootFromPath(signing.Hash(leaf), index, count, path)
		if err != nil {
			wantInvalid(t, "proof", err, "path")
			return
		}
		if count == n && got == root && (signing.Hash(leaf) != leaves[index] || !cmp.Equal(append([]signing.Hash{}, paths[index]...), path)) {
			t.Fatalf("a second proof for leaf %d", index)
		}
	})
}
