package audittest

import (
	"math/big"

	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
)

// ofSignatures are submissions whose signatures are not what they say.
func ofSignatures() []Forgery {
	client, thief, x := historytest.Key("client"), historytest.Key("thief"), historytest.Job{}
	koblitz, stranger := historytest.Secp256k1Key(historytest.Koblitz), historytest.Secp256k1Key("thief")
	var list []Forgery
	for _, e := range secp256k1Edits() {
		list = append(list, Forgery{e.name, func(a author) uint64 {
			s := x.Submission("curved2", koblitz)
			e.do(&s)
			return submit(a, "curved2", by(koblitz), s)
		}})
	}
	return append(list, []Forgery{
		{"a job has a signature that its client did not make", func(a author) uint64 {
			s := x.Submission("unsigned", thief)
			s.Signatures[0].Key = client.Public().ID()
			return submit(a, "unsigned", by(client), s)
		}},
		{"a job has a secp256k1 signature that its client did not make", func(a author) uint64 {
			s := x.Submission("unsigned", stranger)
			s.Signatures[0].Key = koblitz.Public().ID()
			return submit(a, "unsigned", by(koblitz), s)
		}},
		{"a job was changed after its client signed it", func(a author) uint64 {
			s := x.Submission("before", client)
			s.Doc = x.Submission("behind", client).Doc
			return submit(a, "behind", by(client), s)
		}},
	}...)
}

// negate replaces a number by what it lacks to the order of secp256k1.
func negate(s []byte) {
	order, _ := new(big.Int).SetString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
	order.Sub(order, new(big.Int).SetBytes(s)).FillBytes(s)
}

// ofBulks are jobs that were signed together and whose proofs are not what was
// signed. The forgeries that are made of edits have the first of three.
func ofBulks() []Forgery {
	client, thief := historytest.Key("client"), historytest.Key("thief")
	var list []Forgery
	for _, e := range bulkEdits() {
		list = append(list, Forgery{e.name, func(a author) uint64 {
			s := historytest.InBulk(a.Namespace, client, "p1", "p2", "p3")[0]
			e.do(&s)
			return submit(a, "p1", by(client), s)
		}})
	}
	return append(list, []Forgery{
		{"a bulk was meant for another namespace", func(a author) uint64 {
			return submit(a, "p1", by(client), historytest.InBulk("elsewhere", client, "p1", "p2")[0])
		}},
		{"a bulk has the second signature that anybody can make of a secp256k1 one", func(a author) uint64 {
			koblitz := historytest.Secp256k1Key(historytest.Koblitz)
			s := historytest.InBulk(a.Namespace, koblitz, "p1", "p2")[0]
			negate(s.Signatures[0].Signature[32:])
			return submit(a, "p1", by(koblitz), s)
		}},
		{"a job of a bulk has the signature of another root", func(a author) uint64 {
			s := historytest.InBulk(a.Namespace, client, "p1", "p2")[0]
			s.Signatures = historytest.InBulk(a.Namespace, client, "p1", "p3")[0].Signatures
			return submit(a, "p1", by(client), s)
		}},
		{"a job of a bulk has the signature that its client made of it alone", func(a author) uint64 {
			s := historytest.InBulk(a.Namespace, client, "p1", "p2")[0]
			s.Signatures = historytest.Job{}.Submission("p1", client).Signatures
			return submit(a, "p1", by(client), s)
		}},
		{"a job is put into a bulk that its client signed", func(a author) uint64 {
			s := historytest.InBulk(a.Namespace, client, "q1", "q2")[1]
			s.Doc = historytest.InBulk(a.Namespace, thief, "q1", "q3")[1].Doc
			return submit(a, "q3", by(client), s)
		}},
		{"two jobs of a bulk exchange their proofs", func(a author) uint64 {
			jobs := historytest.InBulk(a.Namespace, client, "p1", "p2", "p3")
			jobs[1].Bulk, jobs[2].Bulk = jobs[2].Bulk, jobs[1].Bulk
			submit(a, "p1", by(client), jobs[0])
			wrong := submit(a, "p2", by(client), jobs[1])
			submit(a, "p3", by(client), jobs[2])
			return wrong
		}},
	}...)
}

// submissionEdit changes what proves that a client submitted a job.
type submissionEdit struct {
	name string
	do   func(*job.Submission)
}

// bulkEdits are for a job that is one of several under one signature.
func bulkEdits() []submissionEdit {
	return []submissionEdit{
		{"a job of a bulk says that it stood in another place", func(s *job.Submission) { s.Bulk.Index++ }},
		{"a job of a bulk says that they were more", func(s *job.Submission) { s.Bulk.Count++ }},
		{"a job of a bulk says that it was for another namespace", func(s *job.Submission) { s.Bulk.Namespace += "x" }},
		{"a job of a bulk has another path", func(s *job.Submission) { s.Bulk.Path[0][0]++ }},
		{"a job of a bulk has a path that is too short", func(s *job.Submission) { s.Bulk.Path = s.Bulk.Path[1:] }},
		{"a job of a bulk has another signature", func(s *job.Submission) { s.Signatures[0].Signature[0]++ }},
		{"a job has its bulk's signature, and no place in it", func(s *job.Submission) { s.Bulk = nil }},
	}
}

// secp256k1Edits are for a job that a key of that curve signed.
func secp256k1Edits() []submissionEdit {
	return []submissionEdit{
		{"a secp256k1 signature is the second one that anybody can make", func(s *job.Submission) { negate(s.Signatures[0].Signature[32:]) }},
		{"a secp256k1 signature is another one", func(s *job.Submission) { s.Signatures[0].Signature[0]++ }},
		{"a job that is signed with secp256k1 names another client", func(s *job.Submission) {
			s.Signatures[0].Key = historytest.Key("client").Public().ID()
		}},
	}
}
