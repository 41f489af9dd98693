package signing

import (
	"crypto/sha256"
	"encoding/hex"
	"math/bits"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/fixedjson"
)

// A Hash is a SHA-256 value; the zero Hash stands for none.
type Hash [sha256.Size]byte

// ParseHash reads 64 lowercase hex digits (reason hash).
func ParseHash(text string) (Hash, error) { return parseHash(text) }

// ReadHash reads a hash in a document, as [ParseHash] does.
func ReadHash(r *fixedjson.Reader) Hash { return fixedjson.ParsedText(r, parseHash[[]byte]) }

func parseHash[T string | []byte](text T) (Hash, error) {
	var h Hash
	if !parseHex(h[:], text) {
		return Hash{}, domain.Errorf(domain.Invalid, "hash", "a hash is 64 lowercase hex digits")
	}
	return h, nil
}

// String returns the hash as 64 lowercase hex digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Append appends what String returns.
func (h Hash) Append(dst []byte) []byte { return hex.AppendEncode(dst, h[:]) }

// IsZero reports whether h stands for none.
func (h Hash) IsZero() bool { return h == Hash{} }

// The prefixes keep a leaf from being read as a node (RFC 6962, section 2.1).
const (
	leafPrefix = 0x00
	nodePrefix = 0x01
)

// LeafHash returns SHA-256(0x00 ‖ data).
func LeafHash(data []byte) Hash {
	var room [1024]byte // most events fit, and are hashed where they lie
	if len(data) < len(room) {
		room[0] = leafPrefix
		return sha256.Sum256(room[:1+copy(room[1:], data)])
	}
	h := sha256.New()
	h.Write([]byte{leafPrefix})
	h.Write(data)
	return Hash(h.Sum(nil))
}

func nodeHash(left, right *Hash) Hash {
	var room [1 + 2*sha256.Size]byte
	room[0] = nodePrefix
	copy(room[1:], left[:])
	copy(room[1+sha256.Size:], right[:])
	return sha256.Sum256(room[:])
}

// Root returns the root of the RFC 6962 tree over leaves, which are leaf hashes.
// No leaves have the hash of the empty string for a root.
func Root(leaves []Hash) Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	var room [MaxSealed / 2]Hash
	level := reduce(room[:0], leaves)
	for len(level) > 1 {
		level = reduce(level[:0], level)
	}
	return level[0]
}

// reduce appends the level above to dst: the hash of each pair, and a last
// single one as it is. This is the tree of RFC 6962, whose left subtrees are
// full. dst may be level[:0], since each write is behind the reads.
func reduce(dst, level []Hash) []Hash {
	for len(level) > 1 {
		dst = append(dst, nodeHash(&level[0], &level[1]))
		level = level[2:]
	}
	return append(dst, level...)
}

// Path returns the inclusion path of leaves[index], from the leaf upwards. It
// panics if there is no such leaf.
func Path(leaves []Hash, index int) []Hash {
	_ = leaves[index]
	path := make([]Hash, 0, height(len(leaves)))
	for level := leaves; len(level) > 1; index /= 2 {
		path = appendSibling(path, level, index)
		level = reduce(nil, level)
	}
	return path
}

// Paths returns the path of every leaf. The paths share one backing array and
// must not be appended to.
func Paths(leaves []Hash) [][]Hash {
	levels := [][]Hash{leaves}
	nodes := make([]Hash, 0, len(leaves)+height(len(leaves)))
	for level := leaves; len(level) > 1; {
		start := len(nodes)
		nodes = reduce(nodes, level)
		level = nodes[start:]
		levels = append(levels, level)
	}
	paths := make([][]Hash, len(leaves))
	all := make([]Hash, 0, len(leaves)*height(len(leaves)))
	for i := range paths {
		start := len(all)
		for up, level := range levels {
			all = appendSibling(all, level, i>>up)
		}
		paths[i] = all[start:len(all):len(all)]
	}
	return paths
}

// appendSibling appends what level[index] is hashed with, if anything.
func appendSibling(path, level []Hash, index int) []Hash {
	if sibling := index ^ 1; sibling < len(level) {
		path = append(path, level[sibling])
	}
	return path
}

// height returns the number of levels above n leaves.
func height(n int) int { return bits.Len(uint(max(n, 1) - 1)) }

// RootFromPath returns the root of a tree of count leaves that has leaf at index
// and this path (RFC 9162, section 2.1.3.2). A path that is too long or too
// short for the place, and an index outside the tree, are refused (reason path).
func RootFromPath(leaf Hash, index, count uint64, path []Hash) (Hash, error) {
	if index >= count {
		return Hash{}, domain.Errorf(domain.Invalid, "path", "no leaf %d in a tree of %d", index, count)
	}
	root, last := leaf, count-1
	for i := range path {
		if last == 0 {
			return Hash{}, domain.Errorf(domain.Invalid, "path", "the path is too long")
		}
		if index&1 == 1 || index == last {
			root = nodeHash(&path[i], &root)
			for index&1 == 0 { // levels on which the last node has no partner
				index, last = index>>1, last>>1
			}
		} else {
			root = nodeHash(&root, &path[i])
		}
		index, last = index>>1, last>>1
	}
	if last != 0 {
		return Hash{}, domain.Errorf(domain.Invalid, "path", "the path is too short")
	}
	return root, nil
}

// maxPath is the longest path there is: the tree of 2^64 leaves.
const maxPath = 64

// AppendPath appends the hashes of path to dst, one after the other.
func AppendPath(dst []byte, path []Hash) []byte {
	for i := range path {
		dst = append(dst, path[i][:]...)
	}
	return dst
}

// ParsePath reads what [AppendPath] wrote (reason path).
func ParsePath(raw []byte) ([]Hash, error) {
	if len(raw)%sha256.Size != 0 || len(raw) > maxPath*sha256.Size {
		return nil, domain.Errorf(domain.Invalid, "path", "a path is 0 to %d hashes of %d bytes", maxPath, sha256.Size)
	}
	path := make([]Hash, len(raw)/sha256.Size)
	for i := range path {
		path[i] = Hash(raw[i*sha256.Size:])
	}
	return path, nil
}
