package docs_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore/audit"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/projections/proofs"
	"github.com/herocode/horus/runnersdk/queue"
)

// examples makes everything that the page shows.
func examples(t *testing.T) map[string]string {
	t.Helper()
	made := map[string]string{}
	p := story()
	for _, add := range []func(*testing.T, *historytest.Partition, map[string]string){
		ofTexts, ofSignatures, ofTrees, ofSeals, ofEvents, ofJobs, ofBundles, ofLegality, ofFiles, ofRedis,
	} {
		add(t, p, made)
	}
	return made
}

// entry returns the first event of a type.
func entry(t *testing.T, p *historytest.Partition, name string) (*history.Commit, *history.Entry) {
	t.Helper()
	for _, c := range p.Commits {
		for i := range c.Entries {
			if c.Entries[i].Type == name {
				return c, &c.Entries[i]
			}
		}
	}
	t.Fatalf("the example log has no %s", name)
	return nil, nil
}

// resumed returns the event that grants an attempt which begins with a
// checkpoint.
func resumed(t *testing.T, p *historytest.Partition) (*history.Commit, *history.Entry) {
	t.Helper()
	for _, c := range p.Commits {
		for i := range c.Entries {
			if data, ok := c.Entries[i].Data.(job.Queued); ok && !data.Grant.Checkpoint.IsZero() {
				return c, &c.Entries[i]
			}
		}
	}
	t.Fatal("no attempt of the example log begins with a checkpoint")
	return nil, nil
}

// backoffs reckons how long a failed attempt keeps the next one waiting.
func backoffs(p *historytest.Partition) string {
	rows := [][]string{{"initial_ms", "factor", "max_ms", "counted", "token", "microseconds"}}
	var first signing.Hash // token of the first attempt of j4
	for _, c := range p.Commits {
		for i := range c.Entries {
			if e := &c.Entries[i]; e.Type == "job.queued" && e.Aggregate == historytest.JobOf("j4") && first.IsZero() {
				first = e.Hash
			}
		}
	}
	for _, c := range []struct {
		initial, factor, most int64
		counted               uint32
		token                 signing.Hash
	}{
		{10000, 2, 300000, 0, first},
		{1000, 2, 300000, 0, signing.Hash{}},
		{1000, 2, 300000, 3, signing.Hash{0x80}},
		{1000, 2, 300000, 20, signing.Hash{0xff, 0xff, 0xff}},
	} {
		s := job.State{Status: job.Running, Counted: c.counted, Token: c.token, Policy: job.Policy{
			MaxAttempts: job.MaxMaxAttempts, OnError: true,
			Backoff: job.Backoff{
				Initial: time.Duration(c.initial) * time.Millisecond, Factor: uint32(c.factor), //nolint:gosec // few
				Max: time.Duration(c.most) * time.Millisecond,
			},
		}}
		due, _ := s.Retry(job.FailedError, job.ByPolicy, 0, 0)
		rows = append(rows, []string{
			fmt.Sprint(c.initial), fmt.Sprint(c.factor), fmt.Sprint(c.most), fmt.Sprint(c.counted), c.token.String()[:8] + "…", fmt.Sprint(int64(due)),
		})
	}
	return table(rows)
}

// submitted returns the submission of a job.
func submitted(t *testing.T, p *historytest.Partition, id string) *job.Opened {
	t.Helper()
	for _, c := range p.Commits {
		for _, e := range c.Entries {
			if data, ok := e.Data.(job.Submitted); ok && e.Aggregate == historytest.JobOf(id) {
				opened, err := data.Open()
				must(t, err)
				return opened
			}
		}
	}
	t.Fatalf("the example log has no job %s", id)
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// table writes rows of cells, each column as wide as its widest cell.
func table(rows [][]string) string {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], len(cell))
		}
	}
	var out strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "%-*s  ", width[i], cell)
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return out.String()
}

func ofTexts(t *testing.T, p *historytest.Partition, made map[string]string) {
	rows := [][]string{{"name", "public key", "key id"}}
	for _, name := range []string{"supervisor", "standby", "operator", "client", "runner r1", "runner k1"} {
		public := historytest.Key(name).Public()
		rows = append(rows, []string{name, public.String(), string(public.ID())})
	}
	made["keys"] = table(rows)
	rows = nil
	for _, text := range []string{"plain", "a \"b\" \\ / c", "tab\t line\n", "\x00\x1f", "<é€\U0001F600>"} {
		rows = append(rows, []string{hex.EncodeToString([]byte(text)), string(fixedjson.AppendString(nil, text))})
	}
	made["strings"] = table(rows)
	made["names"] = strings.Join([]string{
		"horus", job.RunnerQueue("r1").String(), job.ExecutorQueue("sh").String(), historytest.JobOf("j1").String(),
		historytest.RunnerOf("r1").String(), p.Processes()[0].Aggregate().String(),
		string(event.ByAPIKey("web")), string(event.BySystem("redelivery")),
		runner.Cause{Runner: "r1", Process: "a0", Number: 2, Index: 1}.String(),
	}, "   ")
	made["times"] = fmt.Sprintf("%s  %d\n%s  %d\n", historytest.Start, historytest.Start, event.Time(1), 1)
}

func ofSignatures(t *testing.T, _ *historytest.Partition, made map[string]string) {
	seed := strings.Repeat("01", 32)
	raw, err := hex.DecodeString(seed)
	must(t, err)
	key, err := signing.GenerateKey(strings.NewReader(string(raw)))
	must(t, err)
	made["signature"] = table([][]string{
		{"seed", seed},
		{"public key", key.Public().String()},
		{"key id", string(key.Public().ID())},
		{"message", "hello"},
		{"signature", key.Sign([]byte("hello")).String()},
	})
	rows := [][]string{}
	for _, c := range []struct{ verdict, text string }{
		{"good", key.Public().String()},
		{"of small order", "01" + strings.Repeat("00", 31)},
		{"of small order", strings.Repeat("00", 32)},
		{"not canonical", "ee" + strings.Repeat("ff", 30) + "7f"},
		{"no point", "02" + strings.Repeat("00", 31)},
	} {
		_, err := signing.ParsePublicKey(c.text)
		if good := err == nil; good != (c.verdict == "good") {
			t.Errorf("key %s: %v", c.text, err)
		}
		rows = append(rows, []string{c.text, c.verdict})
	}
	made["public-keys"] = table(rows)
	ofSecp256k1(t, made)
}

func ofSecp256k1(t *testing.T, made map[string]string) {
	seed := strings.Repeat("\x01", 32)
	key, err := signing.GenerateSecp256k1(strings.NewReader(seed))
	must(t, err)
	sig := key.Sign([]byte("hello"))
	made["secp256k1"] = table([][]string{
		{"private number", hex.EncodeToString([]byte(seed))},
		{"public key", key.Public().String()},
		{"key id", string(key.Public().ID())},
		{"message", "hello"},
		{"signature", sig.String()},
		{"in hex digits", hex.EncodeToString(sig[:])},
	})
}

func ofTrees(t *testing.T, _ *historytest.Partition, made map[string]string) {
	leaves := []signing.Hash{signing.LeafHash([]byte("a")), signing.LeafHash([]byte("b")), signing.LeafHash([]byte("c"))}
	rows := [][]string{
		{"leaf a", leaves[0].String()},
		{"leaf b", leaves[1].String()},
		{"leaf c", leaves[2].String()},
		{"node ab", signing.Root(leaves[:2]).String()},
		{"root abc", signing.Root(leaves).String()},
	}
	made["tree"] = table(rows)
	rows = nil
	for i, path := range signing.Paths(leaves) {
		texts := []string{}
		for _, h := range path {
			texts = append(texts, h.String()[:8]+"…")
		}
		root, err := signing.RootFromPath(leaves[i], uint64(i), 3, path) //nolint:gosec // small
		if err != nil || root != signing.Root(leaves) {
			t.Fatal(root, err)
		}
		rows = append(rows, []string{fmt.Sprintf("path of %c", 'a'+i), strings.Join(texts, " ")})
	}
	made["path"] = table(rows)
}

func ofSeals(_ *testing.T, p *historytest.Partition, made map[string]string) {
	first, second := p.Commits[0].Seal, p.Commits[1].Seal
	made["seal.text"] = string(second.Text())
	made["seal.wire"] = string(second.Append(nil))
	made["seal.hash"] = table([][]string{{"hash of the first seal", first.Hash().String()}, {"hash of this seal", second.Hash().String()}})
}

func ofEvents(t *testing.T, p *historytest.Partition, made map[string]string) {
	seen := map[string]bool{}
	for _, c := range p.Commits {
		for _, e := range c.Entries {
			if !seen[e.Type] {
				seen[e.Type] = true
				made[group(e.Aggregate.Kind)] += string(e.Bytes) + "\n"
			}
		}
	}
	_, founding := entry(t, p, "access.founded")
	made["fingerprint"] = audit.Fingerprint(founding.Bytes).String()
	_, admitted := entry(t, p, "access.admitted")
	made["admission.text"] = string(access.AdmissionText(p.Namespace, admitted.Data.(access.Admitted).Key))
	made["operator.text"] = string(access.OperatorText(p.Namespace, access.Key{
		Class: access.Supervisor, Name: "sup2", Public: historytest.Key("standby").Public(), Until: historytest.Start.Add(time.Hour),
	}))
	_, rotated := entry(t, p, "access.rotated")
	made["rotation.text"] = string(access.RotationText(p.Namespace, rotated.Data.(access.Rotated)))
	_, left := entry(t, p, "runner.left")
	made["envelope"] = string(event.Append(nil, event.Header{
		Namespace: string(namespace), Aggregate: left.Aggregate, Version: left.Version, At: left.At, Actor: left.Actor, Cause: left.Cause,
		Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}, left.Data))
}

// group names the example that shows the events of a kind.
func group(k event.Kind) string {
	return map[event.Kind]string{
		event.Access: "statements.events", event.Leader: "leader.events", event.Log: "log.events", event.Job: "job.events",
		event.Runner: "runner.events", event.Report: "runner.events", event.Queue: "queue.events",
	}[k]
}

func ofJobs(t *testing.T, p *historytest.Partition, made map[string]string) {
	j1, j2, j3 := submitted(t, p, "j1"), submitted(t, p, "j2"), submitted(t, p, "j3")
	made["document"] = string(j2.Doc)
	made["job.document"] = string(j1.Doc)
	made["job.pae"] = string(signing.PAE(job.PayloadType, j1.Doc))
	made["job.envelope"] = string(signing.Envelope{
		PayloadType: job.PayloadType, Payload: j1.Doc,
		Signatures: []signing.EnvelopeSignature{{KeyID: string(j1.Signers[0]), Signature: j1.Signatures[0].Signature}},
	}.Append(nil))
	made["job.jcs"] = string(j2.Doc)
	canonical, err := signing.CanonicalWithout(j2.Doc, "signatures")
	must(t, err)
	made["job.canonical"] = string(canonical)
	made["job.unsigned"] = string(j3.Doc)
	made["job.backoff"] = backoffs(p)
	ofBulk(t, p, made)
	made["job.hashes"] = table([][]string{{"j1", j1.Hash.String()}, {"j2", j2.Hash.String()}, {"j3", j3.Hash.String()}})
}

func ofBulk(t *testing.T, p *historytest.Partition, made map[string]string) {
	m2 := submitted(t, p, "m2")
	root, err := signing.RootFromPath(signing.LeafHash(m2.Doc), uint64(m2.Bulk.Index), uint64(m2.Bulk.Count), m2.Bulk.Path)
	must(t, err)
	made["bulk.payload"] = string(job.BulkText(m2.Bulk.Namespace, m2.Bulk.Count, root))
	made["bulk.job"] = string(job.AppendSubmission(nil, m2.Submission))
}

func ofBundles(t *testing.T, p *historytest.Partition, made map[string]string) {
	var bundles []*runner.Bundle
	for _, c := range p.Commits {
		for _, e := range c.Entries {
			if data, ok := e.Data.(runner.Reported); ok {
				b, err := data.Bundle()
				must(t, err)
				bundles = append(bundles, b)
			}
		}
	}
	made["bundle"] = string(bundles[0].Append(nil))
	made["bundle.pae"] = string(signing.PAE(runner.BundleType, bundles[0].Append(nil)))
	made["reports"] = ""
	for _, b := range bundles {
		for _, r := range b.Reports {
			made["reports"] += strings.TrimSuffix(string(runner.AppendReport(nil, r)), ",") + "\n"
		}
	}
}

// ofLegality shows what the log makes of the state, event by event.
func ofLegality(_ *testing.T, p *historytest.Partition, made map[string]string) {
	commits := [][]string{{"first", "count", "term", "statements", "key id", "hash of the seal"}}
	statements := [][]string{{"seq", "type", "n", "term", "statements"}}
	jobs := [][]string{{"seq", "type", "job", "status", "attempt", "counted", "token", "due"}}
	runners := [][]string{{"seq", "type", "process", "number", "pin of the runner", "mode"}}
	queues := [][]string{{"seq", "type", "queue", "mode"}}
	state := history.NewState()
	for _, c := range p.Commits {
		s := c.Seal
		commits = append(commits, []string{fmt.Sprint(s.First), fmt.Sprint(s.Count), fmt.Sprint(s.Term), fmt.Sprint(s.Statements), string(s.Key), s.Hash().String()})
		for i := range c.Entries {
			e := &c.Entries[i]
			state.Apply(e)
			row := []string{fmt.Sprint(e.Seq), e.Type}
			switch e.Aggregate.Kind {
			case event.Job:
				j := state.Jobs[historytest.ID(e.Aggregate.ID)]
				jobs = append(jobs, append(row, e.Aggregate.ID, status(j), fmt.Sprint(j.Attempt), fmt.Sprint(j.Counted), short(j.Token), due(j)))
			case event.Report:
				runners = append(runners, append(row, e.Aggregate.ID, fmt.Sprint(state.Processes[e.Aggregate.ID].Number), "", ""))
			case event.Runner:
				r := state.Runners[domain.Name(e.Aggregate.ID)]
				runners = append(runners, append(row, "", "", pinned(r.Pin), string(r.Mode)))
			case event.Queue:
				q, _ := job.ParseQueue(e.Aggregate.ID)
				queues = append(queues, append(row, q.String(), string(state.Queues[q].Mode)))
			default:
				statements = append(statements, append(row, fmt.Sprint(e.Version), fmt.Sprint(state.Term.Term), fmt.Sprint(state.Access.Statements)))
			}
		}
	}
	made["commits"], made["statements"], made["jobs"] = table(commits), table(statements), table(jobs)
	made["runners"], made["queues"] = table(runners), table(queues)
	keys := [][]string{{"class", "name", "key id", "kinds", "statement", "last instant", "revoked by"}}
	for _, k := range state.Access.Keys() {
		keys = append(keys, []string{
			string(k.Class), string(k.Name), string(k.ID), fmt.Sprint(k.Kinds), fmt.Sprint(k.Number), instant(k.Ends), number(k.RevokedBy),
		})
	}
	made["keys.held"] = table(keys)
}

// instant writes a time, and nothing where there is none.
func instant(t event.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.String()
}

// number writes the number of a statement, and nothing where there is none.
func number(n uint64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// status is where a job stands, in the words of the page.
func status(j job.State) string {
	if j.Lost != "" {
		return "lost"
	}
	if j.Status == job.Waiting {
		return "waiting"
	}
	return j.Status.String()
}

// due is when time changes a job, of all that have a due time.
func due(j job.State) string {
	if j.Lost != "" || j.Status.Terminal() {
		return ""
	}
	return instant(j.Due)
}

func pinned(k signing.PublicKey) string {
	if k.IsZero() {
		return "none"
	}
	return k.String()[:8] + "…"
}

func short(h signing.Hash) string {
	if h.IsZero() {
		return ""
	}
	return h.String()[:8] + "…"
}

func ofFiles(t *testing.T, p *historytest.Partition, made map[string]string) {
	lines := strings.SplitAfter(string(exported(t, p.Raws())), "\n")
	made["export"] = strings.Join(lines[:4], "")
	verdict := judge(t, exported(t, p.Raws()))
	source, err := audit.FromLog(t.Context(), memory(p.Raws()[:17])) // up to the end of j1
	must(t, err)
	proof, _, err := audit.Prove(t.Context(), source, audit.Options{Namespace: namespace}, historytest.ID("j1"))
	must(t, err)
	if a := audit.CheckProof(proof.Append(nil), verdict.Founding); a.ExitCode() != 0 || !a.Trusted {
		t.Fatal(a.String())
	}
	made["proof"] = strings.Join(strings.SplitAfter(string(proof.Append(nil)), "\n")[:3], "")
	made["head"] = string(verdict.Head().Append(nil))
}

func ofRedis(t *testing.T, p *historytest.Partition, made map[string]string) {
	keys := queue.Keys{Namespace: namespace}
	stored := redisstore.Keys{Namespace: namespace}
	made["redis.keys"] = strings.Join([]string{
		stored.Log(), stored.Leader(), stored.Position(), keys.Jobs(job.RunnerQueue("r1")), keys.Jobs(job.ExecutorQueue("sh")),
		keys.Inbox(), keys.Control("r1"), keys.Statements(), keys.Modes(), keys.Beats(),
	}, "  ")
	raws := p.Raws()
	made["redis.entry"] = fmt.Sprintf("%d-0\ne\n%s\ns\n%s\n", raws[2].Seq, raws[2].Event, raws[2].Seal)
	c, _ := entry(t, p, "access.admitted")
	made["redis.statement"] = string(queue.AppendStatement(nil, proofs.Of(c, 3)))

	c, queued := resumed(t, p)
	submission := submitted(t, p, queued.Aggregate.ID).Submission
	a := queue.Assignment{
		ID: queue.EntryID{Term: c.Seal.Term, Seq: queued.Seq}, Grant: proofs.Of(c, queued.Seq), Submission: &submission, Checkpoint: []byte(checkpoint),
	}
	made["redis.grant"] = a.ID.String() + "\n" + strings.Join(a.Fields(), "\n")

	_, reported := entry(t, p, "runner.reported")
	made["redis.inbox"] = strings.Join(queue.BundleFields(reported.Data.(runner.Reported).Signed), "\n")
	c, joined := entry(t, p, "runner.joined")
	notice := queue.Notice{Kind: queue.NoticeJoined, Process: joined.Data.(runner.Joined).Process, Proof: proofs.Of(c, joined.Seq)}
	made["redis.notice"] = strings.Join(notice.Fields(), "\n")
}

// judge audits a file.
func judge(t testing.TB, file []byte) audit.Verdict {
	t.Helper()
	source, err := audit.Open(strings.NewReader(string(file)))
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := audit.Verify(t.Context(), source, audit.Options{Namespace: source.Namespace, Partition: source.Partition})
	if err != nil {
		t.Fatal(err)
	}
	return verdict
}
