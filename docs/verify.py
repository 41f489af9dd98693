#!/usr/bin/env python3
"""Checks a history of Horus, from public keys alone: python3 verify.py history.jsonl [--trust FINGERPRINT]

Written from format.md, which says what every line here means. Python 3.9 or later, nothing else.
Exit codes: 0 valid, 1 tampered, 2 cannot tell.
"""
import argparse
import base64
import datetime
import hashlib
import json
import re
import sys
from functools import lru_cache


class Wrong(Exception):
    """Something is not as the page says; whoever knows the place makes it a Fault."""


class Fault(Exception):
    def __init__(self, seq, why):
        super().__init__(why)
        self.seq = seq


class CannotTell(Exception):
    pass


def need(ok, why):
    if not ok:
        raise Wrong(why)


# secp256k1 (SEC 2, section 2.4.1). Points are (x, y), None is the one at infinity.
EC_P, EC_N = 2**256 - 2**32 - 977, 2**256 - 0x14551231950B75FC4402DA1732FC9BEBF
EC_BASE = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
           0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)


def ec_add(p, q):
    if p is None or q is None:
        return p or q
    if p[0] == q[0] and p != q:
        return None
    slope = 3 * p[0] * p[0] * pow(2 * p[1], -1, EC_P) if p == q else (q[1] - p[1]) * pow(q[0] - p[0], -1, EC_P)
    x = (slope * slope - p[0] - q[0]) % EC_P
    return x, (slope * (p[0] - x) - p[1]) % EC_P


@lru_cache(maxsize=256)
def ec_point(raw):
    x = int.from_bytes(raw[1:], "big")
    y = pow(x**3 + 7, (EC_P + 1) // 4, EC_P)
    need(raw[0] in (2, 3) and x < EC_P and (y * y - x**3 - 7) % EC_P == 0, "not a point of the curve")
    return x, y if y & 1 == raw[0] & 1 else EC_P - y


def ec_holds(key, message, signature):
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not 0 < r < EC_N or not 0 < s <= EC_N // 2:
        return False
    w, digest, point = pow(s, -1, EC_N), int.from_bytes(hashlib.sha256(message).digest(), "big"), ec_point(key)
    u, v, both, total = digest * w % EC_N, r * w % EC_N, ec_add(EC_BASE, point), None
    for bit in range(255, -1, -1):
        total = ec_add(ec_add(total, total), (None, EC_BASE, point, both)[(u >> bit & 1) + 2 * (v >> bit & 1)])
    return total is not None and total[0] % EC_N == r


# Ed25519 by ZIP 215. Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
NEUTRAL = (0, 1, 1, 0)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def minus(p):
    return P - p[0], p[1], p[2], P - p[3]


def decode(raw):
    n = int.from_bytes(raw, "little")
    y, sign = (n & 2**255 - 1) % P, n >> 255
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P
    if (v * x * x + u) % P == 0:
        x = x * pow(2, (P - 1) // 4, P) % P
    need((v * x * x - u) % P == 0, "not a point of the curve")
    x = -x % P if x & 1 != sign else x
    return x, y, 1, x * y % P


def times8_is_neutral(p):
    for _ in range(3):
        p = add(p, p)
    return p[0] == 0 and p[1] == p[2]


def multiples(p):
    """16 multiples for each of 64 digits: a product is then 64 additions."""
    rows = []
    for _ in range(64):
        row = [NEUTRAL]
        for _ in range(15):
            row.append(add(row[-1], p))
        rows.append(row)
        p = add(row[-1], p)
    return rows


def product(rows, n):
    p = NEUTRAL
    for row in rows:
        p, n = add(p, row[n & 15]), n >> 4
    return p


BASE = multiples(decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")))


@lru_cache(maxsize=256)
def negated(key):
    return multiples(minus(decode(key)))


def holds(key, message, signature):
    if len(key) == 33:
        return ec_holds(key, message, signature)
    s = int.from_bytes(signature[32:], "little")
    try:
        r = decode(signature[:32])
    except Wrong:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    return s < L and times8_is_neutral(add(add(product(BASE, s), product(negated(key), k)), minus(r)))


# Texts. A pattern is a regular expression, a function that checks, or a Members.
NAME, ID, PROCESS = r"[a-z0-9][a-z0-9._-]{0,63}", r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", r"[0-9a-f]{1,32}"
NONCE = r"[A-Za-z0-9._~+/=-]{1,64}"
HASH, KEY_ID, QUEUE = r"[0-9a-f]{64}", r"[0-9a-f]{32}", r"(runner|executor):[a-z0-9][a-z0-9._-]{0,63}"
NUMBER = r"(0|[1-9][0-9]*)"
CLASS, FORM = r"supervisor|runner|client|operator", r"dsse|jcs|unsigned"
AGGREGATE = r"access|leader|log|(job|runner|report)/[A-Za-z0-9._/-]{1,160}|queue/(?=.{1,160}\Z)[A-Za-z0-9._/-]+:[A-Za-z0-9._/-]+"


def matches(pattern, text):
    return isinstance(text, str) and re.fullmatch(pattern, text) is not None


def whole(low, high=2**53 - 1):
    return lambda v: need(type(v) is int and low <= v <= high, "a number is out of range")


def text(v):
    need(isinstance(v, str), "not a text")


def some(v):
    need(isinstance(v, str) and v, "an empty text")


def time(v):
    need(matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", v) and v.isascii(), "not a time")
    need(instant(v) > 0, "not a time")


def unbase64(v, size, alphabet=None, padding=""):
    try:
        raw = base64.b64decode(v + padding, alphabet, validate=True)
    except ValueError:
        raise Wrong("not base64") from None
    need(size in (None, len(raw)) and base64.b64encode(raw, alphabet).decode().rstrip("=" if padding else "") == v, "not base64")
    return raw


def signature(v):
    need(isinstance(v, str) and v.isascii(), "not a signature")
    unbase64(v, 64)


def operators(v):
    signature(v)
    need(any(unbase64(v, 64)), "a signature of zeros")


def reason(v):
    need(isinstance(v, str) and v.isprintable() and "\ufffd" not in v and len(v.encode()) <= 200, "not a reason")


@lru_cache(maxsize=4096)
def public_key(v):
    """A key of any algorithm, as a client's may be."""
    if matches(r"0[23][0-9a-f]{64}", v):
        ec_point(bytes.fromhex(v))
    else:
        ed25519_key(v)


@lru_cache(maxsize=4096)
def ed25519_key(v):
    need(matches(HASH, v), "not a public key")
    raw = bytes.fromhex(v)
    x, y, _, _ = point = decode(raw)
    need((y | (x & 1) << 255).to_bytes(32, "little") == raw, "a public key in a second encoding")
    need(not times8_is_neutral(point), "a public key of small order")


def many(pattern, low, high, distinct=False):
    def check_list(v):
        need(isinstance(v, list) and low <= len(v) <= high, "a list is too short or too long")
        for item in v:
            check(pattern, item)
        need(not distinct or len(set(v)) == len(v), "something is listed twice")
    return check_list


class Members(dict):
    """The members of an object in their order; a name with ? may be left out."""
    def __init__(self, **members):
        super().__init__((name.rstrip("_"), pattern) for name, pattern in members.items())

    def __call__(self, v):
        need(isinstance(v, dict), "not an object")
        names = [name for name in self if not isinstance(self[name], Maybe) or name in v]
        need(list(v) == names, "other members than there must be")
        for name in names:
            check(self[name], v[name])


class Maybe:
    def __init__(self, pattern):
        self.pattern = pattern

    def __call__(self, v):
        check(self.pattern, v)


def check(pattern, v):
    if isinstance(pattern, str):
        need(matches(pattern, v), "a text that does not belong here")
    else:
        pattern(v)


def spelled(v):
    return json.dumps(v, ensure_ascii=False, separators=(",", ":"))


def read_json(source, pattern):
    """Reads JSON of ours, which has one spelling."""
    try:
        source.encode()
        v = json.loads(source)
    except (ValueError, RecursionError):
        raise Wrong("not JSON") from None
    need(spelled(v) == source, "a second spelling")
    check(pattern, v)
    return v


STRING = re.compile(r'"(?:[^"\\\x00-\x1f\udc80-\udcff]|\\[\s\S])*"')


def value_end(source, at):
    """Returns where the value that begins there ends."""
    start, depth = at, 0
    while at < len(source):
        c = source[at]
        if c == '"':
            string = STRING.match(source, at)
            need(string, "a string that is none")
            at = string.end()
        else:
            if c in "}],":
                if depth == 0:
                    break
                depth -= c != ","
            depth += c in "{["
            at += 1
        need(depth <= 32, "nested too deep")
        if depth == 0 and c in '"}]':
            break
    need(at > start, "no value")
    return at


def instant(v):
    """Microseconds since 1970 of an RFC 3339 time, cut below a microsecond."""
    m = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(Z|([+-])([0-9]{2}):([0-9]{2}))", v)
    need(m, "not a time")
    try:
        moment = datetime.datetime(*(int(m[i]) for i in range(1, 7)))
    except ValueError:
        raise Wrong("not a time") from None
    since = moment - datetime.datetime(1970, 1, 1)
    micros = (since.days * 86400 + since.seconds) * 10**6 + int(((m[7] or "") + "000000")[:6])
    if m[9]:
        need(int(m[10]) < 24 and int(m[11]) < 60, "not a time")
        micros += (-1 if m[9] == "+" else 1) * (int(m[10]) * 60 + int(m[11])) * 60 * 10**6
    return micros


SECOND = 10**6
ATTEMPT, ANY, SECONDS = whole(1, 2**30), whole(0, 2**30), whole(1, 86400)
GRANT = Members(attempt=ATTEMPT, queue=QUEUE, job=HASH, keys=Maybe(many(KEY_ID, 1, 8)), checkpoint=Maybe("(?!0{64})" + HASH), timeout=Maybe(SECONDS))
SIGS = many(Members(key=KEY_ID, sig=signature), 1, 8)
ABOUT = {"job": ID, "grant": HASH, "at": time}
KINDS = many(NAME, 0, 16, distinct=True)
MODES = {"paused": "paused", "drained": "drained", "resumed": None}
LABEL = "[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}"
AWAITED = Maybe(lambda v: need(v is True, "awaited is true, or left out"))
KEPT = {"pin": Maybe(ed25519_key), "mode": Maybe("paused|drained")}
LINE = Members(at=time, stream="stdout|stderr|runner", text=text)
REPORTS = {
    "join": Members(t=text, key=ed25519_key, kinds=KINDS, slots=whole(1, 4096), seen=Maybe(text)),
    "leave": Members(t=text),
    "started": Members(t=text, **ABOUT),
    "log": Members(t=text, **ABOUT, lines=many(LINE, 1, 4096)),
    "progress": Members(t=text, **ABOUT, percent=whole(0, 100), text=lambda v: need(isinstance(v, str) and len(v.encode()) <= 1024, "a text is too long")),
    "checkpoint": Members(t=text, **ABOUT, data=lambda v: checkpoint(v)),
    "completed": Members(t=text, **ABOUT, result=text),
    "failed": Members(t=text, **ABOUT, kind="error|timeout|rejected", exit=whole(0, 255), message=text, result=text,
                      retry=Maybe("again|never"), after=Maybe(whole(1, 86400000))),
    "stopped": Members(t=text, **ABOUT, result=text),
    "refused": Members(t=text, **ABOUT, reason=text),
}


def checkpoint(v):
    need(isinstance(v, str) and v.isascii(), "not base64")
    raw = unbase64(v, None)
    need(len(raw) <= 64 << 10, "a checkpoint is too large")
    return hashlib.sha256(raw).hexdigest()


def bulk(v):
    Members(ns=NAME, count=whole(1, 1000), index=whole(0, 999), path=text)(v)
    need(v["path"].isascii() and v["index"] < v["count"], "no place in a bulk")
    need(len(unbase64(v["path"], None)) % 32 == 0 and len(unbase64(v["path"], None)) <= 64 * 32, "not a path")


def report(v):
    need(isinstance(v, dict) and isinstance(v.get("t"), str) and v["t"] in REPORTS, "no such report")
    REPORTS[v["t"]](v)
    need("after" not in v or v["retry"] == "again", "a time without a wish")


API_KEY = Members(name=NAME, scope="admin|user|registrar", runners=Maybe(many(NAME, 1, 16)), kinds=Maybe(many(NAME, 1, 16)), until=Maybe(time), id=Maybe("[0-9a-f]{16}"),
                  argon2id=Maybe(Members(time=whole(1, 8), memory=whole(8192, 65536), threads=whole(1, 4))), salt=KEY_ID, hash=HASH)


def api_key(v):
    API_KEY(v)
    need(("id" in v) != ("argon2id" in v), "a secret is made or chosen")


BUNDLE = Members(v=whole(1, 1), ns=text, p=whole(0, 65535), runner=NAME, process=PROCESS, number=whole(1), reports=many(report, 1, 60))
EVENTS = {
    "access.founded": Members(namespace=NAME, partitions=whole(1, 65535), hash="rfc6962-sha256", supervisor=NAME, key=ed25519_key, operator=ed25519_key),
    "access.admitted": Members(class_=CLASS, name=NAME, key=public_key, kinds=Maybe(many(NAME, 1, 16)),
                               since=Maybe(time), until=Maybe(time), proof=signature, operator=Maybe(operators)),
    "access.rotated": Members(old=KEY_ID, key=public_key, until=time, proof=signature, by=signature),
    "access.revoked": Members(key=KEY_ID, reason=reason),
    "access.api_key_added": lambda v: api_key(v),
    "access.api_key_removed": Members(name=NAME, reason=reason),
    "log.lost": Members(from_=whole(0), seal=text),
    "term.began": Members(term=whole(0), name=NAME, address=text, key=KEY_ID),
    "job.submitted": Members(form=FORM, sigs=Maybe(SIGS), bulk=Maybe(lambda v: bulk(v)), grant=Maybe(GRANT), due=Maybe(time)),
    "job.scheduled": Members(due=time),
    "job.queued": Members(grant=GRANT),
    "job.started": Members(attempt=ATTEMPT, process=some),
    "job.checkpointed": Members(attempt=ATTEMPT, checkpoint=HASH),
    "job.attempt_failed": Members(attempt=ATTEMPT, kind="error|timeout", due=time),
    "job.attempt_lost": Members(attempt=ATTEMPT, reason="lease|queue|timeout|stop"),
    "job.stopping": Members(attempt=ATTEMPT),
    "job.completed": Members(attempt=ATTEMPT),
    "job.failed": Members(attempt=ANY, kind="error|timeout|lost|rejected|expired"),
    "job.stopped": Members(attempt=ANY),
    "job.report_refused": Members(grant=HASH, process=some, said="completed|failed|stopped"),
    "job.replayed": Members(attempts=whole(1, 25), timeout=Maybe(SECONDS), expires=Maybe(time)),
    "job.dropped": Members(),
    "job.deleted": Members(),
    "runner.reported": Members(key=KEY_ID, sig=signature, bundle=BUNDLE),
    "runner.joined": Members(process=PROCESS, **KEPT, key=ed25519_key, kinds=KINDS, slots=whole(1, 4096),
                             marks=many(Members(queue=QUEUE, seq=whole(0)), 1, 17)),
    **{"runner." + name: Members(process=PROCESS, **KEPT) for name in ("left", "silent", "alive", "gone")},
    **{"runner." + name: Members(pin=KEPT["pin"]) for name in MODES},
    "runner.removed": Members(**KEPT, awaited=AWAITED),
    "runner.registered": Members(label=LABEL, **KEPT, awaited=AWAITED),
    **{"queue." + name: Members() for name in MODES},
}
KIND_OF = {"term.began": "leader", "runner.reported": "report"}
TEXT = r'("(?:[^"\\]|\\.)*")'
ENVELOPE = re.compile(r'\{"v":1,"ns":' + TEXT + r',"p":([0-9]+),"agg":' + TEXT + r',"n":([0-9]+),"type":' + TEXT + r',"at":' + TEXT
                      + r',"actor":' + TEXT + r'(?:,"cause":' + TEXT + r')?(?:,"trace":' + TEXT + r')?,"data":([\s\S]*)\}')
FIELDS = ("ns", text), ("p", whole(0, 65535)), ("agg", AGGREGATE), ("n", whole(1)), ("type", r"[A-Za-z0-9._/-]+"), ("at", time), \
    ("actor", some), ("cause", some), ("trace", some)


def within(key, at):
    """Reports whether a time lies between a key's first instant and its last."""
    return ("since" not in key or instant(key["since"]) <= at) and ("until" not in key or at <= instant(key["until"]))


class Event:
    def __init__(self, seq, raw):
        self.seq, self.hash = seq, hashlib.sha256(b"\0" + raw).digest()
        need(len(raw) <= 2**20, "an event is too large")
        m = ENVELOPE.fullmatch(raw.decode("utf-8", "surrogateescape"))
        need(m, "not an event")
        self.cause = None
        for i, (name, pattern) in enumerate(FIELDS):
            if m[i + 1] is not None:
                setattr(self, name, read_json(m[i + 1], pattern))
        self.kind, _, self.id = self.agg.partition("/")
        need(self.type in EVENTS and self.kind == KIND_OF.get(self.type, self.type.split(".")[0]), "no such event of that aggregate")
        data, self.doc = m[10], None
        if self.type == "job.submitted":
            start = re.match(r'\{"form":"(?:%s)","doc":' % FORM, data)
            need(start, "not a submission")
            end = value_end(data, start.end())
            self.doc = data[start.end():end]
            data = data[:start.end() - len(',"doc":')] + data[end:]
        self.data = read_json(data, EVENTS[self.type])
        need(self.type != "job.submitted" or not {"grant", "due"} <= set(self.data), "queued and not yet")
        if self.type == "runner.reported":
            self.doc = spelled(self.data["bundle"])
            need(len(self.doc.encode()) <= 256 << 10, "a bundle is too large")
            for r in self.data["bundle"]["reports"]:
                if "seen" in r:
                    Seal(self.data["bundle"]["ns"], self.data["bundle"]["p"], r["seen"])
        if self.type == "log.lost":
            self.lost = Seal(self.ns, self.p, self.data["seal"])


class Seal:
    WIRE = re.compile(r"1\.N\.N\.N\.N\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})\.([0-9a-f]{32})\.([A-Za-z0-9_-]{86})".replace("N", NUMBER))

    def __init__(self, namespace, partition, wire):
        m = self.WIRE.fullmatch(wire)
        need(m, "not a seal")
        self.term, self.first, self.count, self.statements = (int(m[i]) for i in range(1, 5))
        need(self.term < 2**64 and self.statements < 2**64 and 1 <= self.count <= 256 and 1 <= self.first <= 2**64 - self.count, "not a seal")
        self.root, self.previous = unbase64(m[5], 32, b"-_", "="), unbase64(m[6], 32, b"-_", "=")
        self.key, self.signature = m[7], unbase64(m[8], 64, b"-_", "==")
        self.text = ("horus-seal-v1\n%s\np%03d\n%d\n%d\n%d\n%d\n%s\n%s\n%s\n" % (
            namespace, partition, self.term, self.first, self.count, self.statements,
            self.root.hex(), self.previous.hex(), self.key)).encode()
        self.hash, self.last = hashlib.sha256(self.text + self.signature).digest(), self.first + self.count - 1


def root_of(level):
    while len(level) > 1:
        pairs = [hashlib.sha256(b"\1" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1:]
    return level[0]


def root_from(leaf, index, count, path):
    """The root of a tree of count leaves of which one stands at index (RFC 9162, section 2.1.3.2)."""
    last = count - 1
    for at in range(0, len(path), 32):
        need(last, "a path is too long")
        if index & 1 or index == last:
            leaf = hashlib.sha256(b"\1" + path[at:at + 32] + leaf).digest()
            while not index & 1:
                index, last = index >> 1, last >> 1
        else:
            leaf = hashlib.sha256(b"\1" + leaf + path[at:at + 32]).digest()
        index, last = index >> 1, last >> 1
    need(last == 0, "a path is too short")
    return leaf


def pae(kind, doc):
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(doc), doc)


def key_id(key):
    return hashlib.sha256(bytes.fromhex(key)).hexdigest()[:32]


def read_document(source):
    """Reads a client's JSON: no member twice, no lone surrogate, no number but integers."""
    def pairs(members):
        need(len(dict(members)) == len(members), "a member stands twice")
        return dict(members)

    def integer(digits):
        need(re.fullmatch("-?[0-9]{1,16}", digits) and digits != "-0", "a number that is no integer")
        return int(digits)

    try:
        doc = json.loads(source, object_pairs_hook=pairs, parse_int=integer, parse_float=integer, parse_constant=integer)
        spelled(doc).encode()
    except (ValueError, RecursionError):
        raise Wrong("not JSON") from None
    return doc


class Job:
    """A job as it was submitted, and where it stands. The lengths of a document's texts are not checked."""
    TEXTS = "id payload executor runner audience nonce caller_id context_id created_at updated_at not_after run_at expires_at".split()

    def __init__(self, form, source, sigs, bulk):
        need(source[:1] == "{" and source[-1:] == "}", "a document is an object")
        doc = read_document(source)
        raw = self.message = content = source.encode()
        need(len(raw) <= 768 << 10, "a document is too large")
        given = {name: v for name, v in doc.items() if v is not None and not (v == "" and name in self.TEXTS)}
        need(set(doc) <= {"timeout", "max_attempts", "retry_on", "backoff", "delay", "env_vars", "signatures", *self.TEXTS}, "an unknown member")
        need(all(isinstance(given.get(name, ""), str) for name in self.TEXTS), "a member that is no text")
        for name, low, high in ("timeout", 1, 86400), ("max_attempts", 1, 25), ("delay", 0, 366 * 86400):
            whole(low, high)(1 if doc.get(name) is None else doc[name])
        for name, pattern in ("id", ID), ("runner", NAME), ("executor", NAME), ("nonce", NONCE):
            need(name not in given or matches(pattern, given[name]), name)
        need("payload" in given and ("runner" in given or "executor" in given), "a payload and a runner or kind are needed")
        env, inside = doc.get("env_vars") or {}, doc.get("signatures") or []
        need(isinstance(env, dict) and all(isinstance(v or "", str) for v in env.values()), "env_vars")
        need(isinstance(inside, list) and all(isinstance(s, dict) and set(s) == {"public_key", "signature"} for s in inside), "signatures")
        self.id, self.audience, self.max_attempts = given.get("id"), given.get("audience"), given.get("max_attempts", 3)
        self.nonce = given.get("nonce")
        self.times(given)
        self.retries(given.get("retry_on", []), given.get("backoff", {}))
        kind = "osiris" if given.get("executor") == "osis" else given.get("executor")
        self.queue = "runner:" + given["runner"] if "runner" in given else "executor:" + kind
        self.signers, self.signatures = [s["key"] for s in sigs], [unbase64(s["sig"], 64) for s in sigs]
        need((form == "jcs") == bool(inside) and (form == "dsse") == bool(sigs), "other signatures than the form has")
        if form == "dsse":
            self.message = pae(b"application/vnd.horus.job+json", raw)
        if bulk:
            need(form == "dsse" and self.audience in (None, bulk["ns"]), "a bulk of another form, or for another audience")
            root = root_from(hashlib.sha256(b"\0" + raw).digest(), bulk["index"], bulk["count"], unbase64(bulk["path"], None)).hex()
            self.message = pae(b"application/vnd.horus.bulk+json", ('{"count":%d,"namespace":"%s","root":"%s"}' % (bulk["count"], bulk["ns"], root)).encode())
            self.audience = bulk["ns"]
        if form == "jcs":
            for s in inside:
                public_key(s["public_key"])
                need(matches(r"[0-9a-fA-F]{128}", s["signature"]), "signatures")
            self.signers, self.signatures = [key_id(s["public_key"]) for s in inside], [bytes.fromhex(s["signature"]) for s in inside]
            rest = {name: v for name, v in doc.items() if name != "signatures"}
            content = self.message = json.dumps(rest, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        need(len(set(self.signers)) == len(self.signers) <= 8, "a job is signed by different keys")
        need(self.id or not self.signers, "a signed job names its id")
        need(self.nonce is None or self.signers and self.not_after is not None, "a nonce of nobody's, or without an end")
        self.hash = hashlib.sha256(form.encode() + b"\0" + content).hexdigest()
        self.status, self.lost, self.attempt, self.counted, self.token, self.process, self.by = "created", None, 0, 0, None, None, None
        self.checkpoint, self.kept, self.kept_at, self.due, self.longer = None, 0, 0, 0, None

    def times(self, given):
        """When the job may begin, in microseconds; None for whenever."""
        moments = {name: instant(given[name]) for name in ("not_after", "run_at", "expires_at") if name in given}
        need(all(0 < v <= 253402300799999999 for v in moments.values()), "a time that is none")
        self.not_after, self.run_at, self.expires_at = (moments.get(name) for name in ("not_after", "run_at", "expires_at"))
        self.delay, self.timeout = given.get("delay", 0) * SECOND, given.get("timeout", 300) * SECOND
        need("delay" not in given or self.run_at is None, "run_at and delay")
        self.ends = [v for v in (self.expires_at, self.not_after) if v is not None]
        self.expires = min(self.ends, default=None)
        need(self.run_at is None or all(self.run_at <= v for v in self.ends), "it would end before it begins")

    def retries(self, on, backoff):
        need(isinstance(on, list) and all(v in ("error", "timeout") for v in on) and len(set(on)) == len(on), "retry_on")
        need(isinstance(backoff, dict) and set(backoff) <= {"initial_ms", "factor", "max_ms"}, "backoff")
        backoff = {name: v for name, v in backoff.items() if v is not None}
        for name, low, high in ("initial_ms", 10, 3600000), ("factor", 1, 10), ("max_ms", 10, 86400000):
            whole(low, high)(backoff.get(name, low))
        initial = backoff.get("initial_ms", 1000)
        self.on, self.backoff = on, (initial, backoff.get("factor", 2), backoff.get("max_ms", max(300000, initial)))
        need(self.backoff[2] >= initial, "max_ms is less than initial_ms")

    def start(self, at):
        """Returns when the job is to be queued that was submitted at an instant, 0 for at once."""
        start = at + self.delay if self.delay else self.run_at or 0
        return start if start > at else 0

    def passed(self, at):
        return self.expires is not None and at > self.expires

    def open(self):
        return self.lost is None and self.status in ("waiting", "running", "stopping")

    def again(self, r, at):
        """Returns when another attempt is due after a report of a failure, None if there is none."""
        wanted = r["kind"] in self.on if "retry" not in r else r["retry"] == "again"
        if r["kind"] == "rejected" or not wanted or self.status == "stopping" or self.counted + 1 >= self.max_attempts:
            return None
        initial, factor, most = self.backoff
        half = min(initial * factor**self.counted, most) * 1000 // 2
        wait = r["after"] * 1000 if "after" in r else half + (half * int(self.token[:6], 16) >> 24)
        return None if self.passed(at + wait) else at + wait


class History:
    def __init__(self, namespace, partition):
        self.place, self.next, self.previous, self.term, self.latest = (namespace, partition), 1, bytes(32), 0, 0
        self.versions, self.keys, self.led, self.leader = {}, {}, 0, None
        self.api_keys, self.api_keys_ever = {}, 0
        self.awaited = set()
        self.jobs, self.runners, self.processes, self.queues, self.pending = {}, {}, {}, {}, []
        self.nonces = {}
        self.founding, self.ends, self.gap, self.gaps = None, {}, (0, 0), []

    def read(self, seq, raw, wire):
        if seq != self.next + len(self.pending):
            raise Fault(self.next + len(self.pending), "the event here bears the number %d" % seq)
        try:
            self.pending.append(Event(seq, raw))
            if wire is None and len(self.pending) < 256:
                return
            if wire is None:
                raise Fault(self.next, "no seal within 256 events")
            seal = Seal(*self.place, wire)
        except Wrong as why:
            raise Fault(seq, str(why)) from None
        self.commit(self.pending, seal)
        self.next, self.pending = seq + 1, []

    def commit(self, events, seal):
        self.seal, self.bundles, self.joins, self.checks, fault = seal, [], {}, [], None
        try:
            self.sealed(events, seal)
            for e in events:
                self.happened(e)
            for agg, seq in sorted(self.joins.items(), key=lambda item: item[1]):
                raise Fault(seq, "%s reported and did not join" % agg)
        except Fault as found:
            fault = found
        for seq, key, message, sig in self.checks:
            if fault and seq > fault.seq:
                break
            if not holds(bytes.fromhex(key), message, sig):
                raise Fault(seq, "a signature does not hold")
        if fault:
            raise fault

    def sealed(self, events, seal):
        at = events[0].seq
        try:
            need(seal.first == at and seal.count == len(events), "the seal is of other events")
            need(seal.previous == self.previous, "the seal does not follow the seal before it")
            need(seal.term > 0 and seal.term >= self.term, "the seal's term is below that of the seal before")
            need(seal.term != self.led or seal.key == self.leader, "another key leads this term")
            need(seal.statements == self.versions.get("access", 0), "the seal counts other statements")
            for at, e in ((e.seq, e) for e in events):
                need((e.ns, e.p) == self.place, "the event is of another place")
            at = events[0].seq
            need(root_of([e.hash for e in events]) == seal.root, "the events are not those that were sealed")
            latest = max([self.latest] + [instant(e.at) for e in events])
            if at == 1:
                data = events[0].data
                need(events[0].type == "access.founded" and data["namespace"] == self.place[0] and key_id(data["key"]) == seal.key,
                     "the log does not begin with its founding")
                key, self.founding = data["key"], events[0].hash
            elif self.alone(events[0]) and seal.key not in self.keys:
                self.admissible(events[0], events[0].data)
                need(within(events[0].data, latest), "the newcomer's key does not hold")
                key = events[0].data["key"]
            else:
                key = self.held("supervisor", seal.key, latest)["key"]
            self.checks.append((at, key, seal.text, seal.signature))
            self.previous, self.term, self.ends[seal.term] = seal.hash, seal.term, seal.last
        except Wrong as why:
            raise Fault(at, str(why)) from None

    def alone(self, e):
        """Reports whether an event admits the key that seals it, in an operator's name."""
        return e.type == "access.admitted" and e.seq == self.seal.first and e.data["class"] == "supervisor" \
            and "operator" in e.data and key_id(e.data["key"]) == self.seal.key

    def held(self, use, id, latest=None):
        """Returns a key that holds for a class."""
        key = self.keys.get(id)
        need(key and key["class"] == use and "revoked" not in key and within(key, self.latest if latest is None else latest),
             "key %s is not a %s's that holds" % (id, use))
        return key

    def serves(self, runner, id, kinds):
        key = self.held("runner", id)
        need(key["name"] == runner and set(kinds) <= set(key.get("kinds", [])), "runner %s may not serve %s" % (runner, kinds))

    def happened(self, e):
        self.latest = max(self.latest, instant(e.at))
        try:
            need(e.n == self.versions.get(e.agg, 0) + 1, "version %d of %s" % (e.n, e.agg))
            need(self.led == self.seal.term or e.type == "term.began" or e.kind == "access" and self.seal.first == 1 or self.alone(e), "before its term began")
            getattr(self, e.type.replace(".", "_"), self.job)(e, e.data)
        except Wrong as why:
            raise Fault(e.seq, "%s: %s" % (e.type, why)) from None
        self.versions[e.agg] = e.n

    def access_founded(self, e, data):
        need(not self.keys and data["key"] != data["operator"], "founded twice, or with one key")
        self.keys[key_id(data["key"])] = {"class": "supervisor", "name": data["supervisor"], "key": data["key"]}
        self.keys[key_id(data["operator"])] = {"class": "operator", "name": "operator", "key": data["operator"]}

    def admissible(self, e, data):
        text = "horus-admission-v1\n%s\n%s\n%s\n%s\n" % (self.place[0], data["class"], data["name"], data["key"])
        id = key_id(data["key"])
        need(self.keys and id not in self.keys and len(self.keys) < 10000, "the key is known, or there are too many")
        need(data["class"] == "client" or len(data["key"]) == 64, "only a client's key is of secp256k1")
        need("kinds" not in data or data["class"] == "runner", "only a runner has kinds")
        need("until" not in data or instant(data["until"]) >= instant(e.at), "the key's end has passed")
        need(not {"since", "until"} <= set(data) or instant(data["since"]) <= instant(data["until"]), "the key never holds")
        need(holds(bytes.fromhex(data["key"]), text.encode(), unbase64(data["proof"], 64)), "the proof does not hold")
        text = "horus-operator-v1\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n" % (self.place[0], data["class"], data["name"], data["key"], ",".join(
            data.get("kinds", [])), data.get("since", ""), data.get("until", ""))
        need("operator" not in data or any(holds(bytes.fromhex(k["key"]), text.encode(), unbase64(data["operator"], 64)) for k in self.keys.values()
             if k["class"] == "operator" and "revoked" not in k and within(k, instant(e.at))), "no operator signed that")

    def access_admitted(self, e, data):
        self.admissible(e, data)
        self.keys[key_id(data["key"])] = data

    def access_rotated(self, e, data):
        old, id, until = self.keys.get(data["old"]), key_id(data["key"]), instant(data["until"])
        need(old and not {"revoked", "next"} & set(old) and within(old, instant(e.at)), "the old key is unknown, does not hold or was rotated")
        need(old["class"] == "client" or len(data["key"]) == 64, "only a client's key is of secp256k1")
        need(id not in self.keys and len(self.keys) < 10000, "the new key is known, or there are too many")
        need(instant(e.at) <= until and ("until" not in old or until <= instant(old["until"])), "the old key's end has passed, or is put off")
        text = ("horus-rotation-v1\n%s\n%s\n%s\n%s\n" % (self.place[0], data["old"], data["key"], data["until"])).encode()
        for key, sig in (data["key"], data["proof"]), (old["key"], data["by"]):
            need(holds(bytes.fromhex(key), text, unbase64(sig, 64)), "a signature of the rotation does not hold")
        self.keys[id] = {**{name: old[name] for name in ("class", "name", "kinds", "until") if name in old}, "key": data["key"]}
        self.keys[data["old"]] = {**old, "until": data["until"], "next": id}

    def access_revoked(self, e, data):
        old = self.keys.get(data["key"], {"class": None})
        need(self.keys and "revoked" not in old and (old["class"] or len(self.keys) < 10000), "revoked twice, or there are too many")
        self.keys[data["key"]] = {**old, "revoked": e.n}

    def access_api_key_added(self, e, data):
        ids = {id for id in self.api_keys.values() if id}
        need(self.keys and data["name"] not in self.api_keys and data.get("id") not in ids, "the API key is known")
        need(data["scope"] == "user" or not {"runners", "kinds"} & set(data), "only a user's API key is bound")
        need("until" not in data or instant(data["until"]) >= instant(e.at), "the API key's end has passed")
        need(len(self.api_keys) < 1000 and self.api_keys_ever < 10000 and ("id" in data or len(self.api_keys) - len(ids) < 16), "too many API keys")
        self.api_keys[data["name"]], self.api_keys_ever = data.get("id"), self.api_keys_ever + 1

    def access_api_key_removed(self, e, data):
        need(data["name"] in self.api_keys, "there is no such API key")
        del self.api_keys[data["name"]]

    def log_lost(self, e, data):
        seal, key = e.lost, self.keys.get(e.lost.key)
        need(key and key["class"] == "supervisor" and "revoked" not in key, "the seal's key was no supervisor's, or was revoked")
        need(seal.term < self.seal.term and holds(bytes.fromhex(key["key"]), seal.text, seal.signature), "the seal is no evidence")
        need(data["from"] == 1 + max([last for term, last in self.ends.items() if term <= seal.term], default=0), "from another place on")
        need(2 <= data["from"] <= seal.last and not (self.gap[0] == data["from"] and self.gap[1] >= seal.last), "not lost, or declared twice")
        self.gap = data["from"], seal.last
        self.gaps.append(self.gap)

    def term_began(self, e, data):
        need(self.led < data["term"] == self.seal.term and data["key"] == self.seal.key, "the term is not the seal's, or not above the last")
        self.led, self.leader = data["term"], data["key"]

    def runner_reported(self, e, data):
        b, process = data["bundle"], self.processes.get(e.agg)
        need(e.agg == "report/%s/%s" % (b["runner"], b["process"]) and e.actor == "runner:" + b["runner"], "a bundle of another process")
        need((b["ns"], b["p"]) == self.place, "a bundle for another place")
        need(not process or process == ("open", data["key"], min(process[2], b["number"] - 1)), "the process left, repeats itself or changed its key")
        for i, r in enumerate(b["reports"]):
            need((r["t"] == "join") == (not process and i == 0), "a process joins first, and once")
            need(r["t"] != "leave" or i == len(b["reports"]) - 1, "a process says nothing after it left")
        need("revoked" not in self.keys.get(data["key"], ()), "the key was revoked")
        key = b["reports"][0].get("key")
        need(process or key_id(key) == data["key"], "a join with another key")
        if key is None:
            key = self.runners.get("runner/" + b["runner"], (None,))[0]
        if key is None or key_id(key) != data["key"]:
            admitted = self.held("runner", data["key"])
            need(admitted["name"] == b["runner"], "a key of another runner")
            key = admitted["key"]
        self.checks.append((e.seq, key, pae(b"application/vnd.horus.bundle.v1+json", e.doc.encode()), unbase64(data["sig"], 64)))
        self.bundles.append((b, data["key"]))
        if not process:
            self.joins[e.agg] = e.seq
        self.processes[e.agg] = "left" if b["reports"][-1]["t"] == "leave" else "open", data["key"], b["number"]

    def reported(self, e):
        """Returns the report that an event names as its cause, its bundle, and the key id of that."""
        m = re.fullmatch("report/(%s)/(%s)/%s/%s" % (NAME, PROCESS, NUMBER, NUMBER), e.cause or "")
        for b, id in self.bundles if m else []:
            if (b["runner"], b["process"], b["number"]) == (m[1], m[2], int(m[3])) and int(m[4]) < len(b["reports"]) \
                    and e.actor == "runner:" + b["runner"]:
                return b["reports"][int(m[4])], b, id
        raise Wrong("no report in its commit caused it")

    def runner_joined(self, e, data):
        r, b, id = self.reported(e)
        need(r["t"] == "join" and e.id == b["runner"] and data["process"] == b["process"] and key_id(r["key"]) == id
             and all(data[name] == r[name] for name in ("key", "kinds", "slots")), "it does not say what was reported")
        need([m["queue"] for m in data["marks"]] == ["runner:" + e.id] + ["executor:" + kind for kind in data["kinds"]], "marks of other queues")
        if e.agg not in self.runners or e.agg in self.awaited:
            self.runners[e.agg] = data["key"] if "pin" in data else None, None, False
        self.awaited.discard(e.agg)
        if data.get("pin") != data["key"] or data["kinds"]:
            self.serves(e.id, id, data["kinds"])
        self.kept(e, data, data.get("mode"))
        self.joins.pop("report/%s/%s" % (e.id, data["process"]), None)

    def runner_left(self, e, data):
        r, b, _ = self.reported(e)
        need(r["t"] == "leave" and e.id == b["runner"] and data["process"] == b["process"], "it does not say what was reported")
        self.kept(e, data, data.get("mode"))

    def kept(self, e, data, mode, changes=False):
        """Checks what every event of a runner carries: its pin, and its mode unless the event is about that."""
        pin, before, removed = self.runners.get(e.agg, (None, None, None))
        need(removed is not None, "nobody joined")
        need(data.get("awaited", False) == (e.agg in self.awaited), "nobody joined, or somebody did")
        need(data.get("pin") == pin and (mode == before) != changes, "the pin or the mode changed, or nothing does")
        self.runners[e.agg] = pin, mode, False
        return removed

    def runner_silent(self, e, data):
        need(self.processes.get("report/%s/%s" % (e.id, data["process"]), ("left",))[0] == "open", "the process did not join, or has left")
        need(e.actor.startswith("system:"), "only the system hears processes")
        self.kept(e, data, data.get("mode"))

    runner_alive = runner_gone = runner_silent

    def runner_paused(self, e, data):
        need(e.actor.startswith(("key:", "system:")), "by somebody who may not")
        self.kept(e, data, MODES[e.type.split(".")[1]], changes=True)

    runner_drained = runner_resumed = runner_paused

    def runner_removed(self, e, data):
        need(e.actor.startswith(("key:", "system:")) and not self.kept(e, data, data.get("mode")), "by somebody who may not, or twice")
        self.runners[e.agg] = (*self.runners[e.agg][:2], True)

    def runner_registered(self, e, data):
        need(e.actor.startswith(("key:", "system:")), "by somebody who may not")
        if e.agg not in self.runners:
            self.runners[e.agg] = None, None, False
            self.awaited.add(e.agg)
        self.kept(e, data, data.get("mode"))

    def queue_paused(self, e, data):
        mode = MODES[e.type.split(".")[1]]
        need(matches(QUEUE, e.id) and e.actor.startswith(("key:", "system:")) and self.queues.get(e.id) != mode, "of no queue, by somebody who may not, or twice")
        self.queues[e.id] = mode

    queue_drained = queue_resumed = queue_paused

    def job_submitted(self, e, data):
        need(matches(ID, e.id) and e.agg not in self.jobs, "submitted twice")
        job = Job(data["form"], e.doc, data.get("sigs", []), data.get("bulk"))
        need(job.id in (None, e.id) and job.audience in (None, self.place[0]), "of another id, or for another audience")
        at = instant(e.at)
        start = job.start(at)
        need(all(at <= end and start <= end for end in job.ends), "after its end, or it would begin after that")
        need(job.run_at is None or job.run_at <= at + 366 * 86400 * SECOND, "more than 366 days ahead")
        need(e.actor == "client:" + job.signers[0] if job.signers else not e.actor.startswith(("client:", "runner:")), "from somebody else")
        for id, sig in zip(job.signers, job.signatures):
            need(job.nonce is None or self.nonces.get((id, job.nonce), 0) < self.latest, "the nonce is another job's")
            self.checks.append((e.seq, self.held("client", id)["key"], job.message, sig))
        if job.nonce is not None:
            self.nonces.update(((id, job.nonce), job.not_after) for id in job.signers)
        self.jobs[e.agg], job.due = job, start
        need("due" not in data or instant(data["due"]) == start, "scheduled for another time")
        if "grant" in data:
            need(not start, "before its time")
            self.granted(job, e, data["grant"])
        elif "due" in data:
            job.status = "scheduled"

    def granted(self, job, e, grant):
        rest = {"keys": job.signers, "checkpoint": job.checkpoint, "timeout": job.longer}
        need(grant == {"attempt": job.attempt + 1, "queue": job.queue, "job": job.hash, **{name: v for name, v in rest.items() if v}},
             "the grant does not fit its job")
        job.status, job.lost, job.attempt, job.token, job.process, job.by = "waiting", None, job.attempt + 1, e.hash.hex(), None, None
        job.kept, job.kept_at, job.due = 0, 0, 0

    def job(self, e, data):
        """Every event of a job but its submission."""
        job, what = self.jobs.get(e.agg), e.type[len("job."):]
        need(job, "nobody submitted it")
        need("attempt" not in data or data["attempt"] == job.attempt, "of another attempt")
        need(job.lost is None or what in ("queued", "failed", "stopped"), "an attempt was lost")
        need(what in ("started", "checkpointed", "completed", "attempt_failed", "failed", "stopped", "report_refused")
             or not e.actor.startswith("runner:"), "a runner did what only others may")
        getattr(self, "job_is_" + what)(e, data, job, instant(e.at))

    def among(self, job, *statuses):
        need(job.status in statuses, "a %s job" % job.status)

    def job_is_scheduled(self, e, data, job, at):
        self.among(job, "created")
        need(instant(data["due"]) == job.due > at, "for another time")
        job.status = "scheduled"

    def job_is_queued(self, e, data, job, at):
        if job.lost:
            self.among(job, "waiting", "running")
            need(job.counted < job.max_attempts and (job.lost != "timeout" or "timeout" in job.on), "it has no attempts left")
        else:
            self.among(job, "created", "scheduled", "retrying")
        need(not job.passed(at) and (job.lost or at >= job.due), "before its time, or after it")
        self.granted(job, e, data["grant"])

    def job_is_started(self, e, data, job, at):
        self.among(job, "waiting", "stopping")
        need(not job.process, "it began before")
        self.said(e, job, data["process"], ("started", "checkpoint", "completed", "failed"))
        job.process, job.by, job.due = data["process"], e.actor, job.due or at + job.timeout + 30 * SECOND
        job.status = "running" if job.status == "waiting" else job.status

    def of_its_runner(self, e, job, kind):
        """Returns what the process says that began the attempt."""
        self.among(job, "running", "stopping")
        need(job.process and e.actor == job.by, "by another runner")
        return self.said(e, job, job.process, (kind,))

    def job_is_checkpointed(self, e, data, job, at):
        r = self.of_its_runner(e, job, "checkpoint")
        need(data["checkpoint"] == checkpoint(r["data"]) != job.checkpoint, "another checkpoint, or no news")
        need(job.kept < 256 or at >= job.kept_at + 30 * SECOND, "too soon after many others")
        job.checkpoint, job.kept, job.kept_at = data["checkpoint"], job.kept + 1, at

    def job_is_attempt_failed(self, e, data, job, at):
        r = self.of_its_runner(e, job, "failed")
        need(r["kind"] == data["kind"] and job.again(r, at) == instant(data["due"]), "it failed otherwise, or is due at another time")
        job.status, job.counted, job.token, job.due = "retrying", job.counted + 1, None, instant(data["due"])

    def job_is_attempt_lost(self, e, data, job, at):
        self.among(job, *{"timeout": ("running",), "stop": ("stopping",)}.get(data["reason"], ("waiting", "running", "stopping")))
        need(data["reason"] in ("lease", "queue") or at >= job.due, "too soon")
        job.lost, job.counted, job.token = data["reason"], job.counted + (data["reason"] != "queue"), None

    def job_is_stopping(self, e, data, job, at):
        self.among(job, "waiting", "running")
        job.status, job.due = "stopping", at + 30 * SECOND

    def job_is_completed(self, e, data, job, at):
        self.of_its_runner(e, job, "completed")
        job.status, job.token = "completed", None

    def job_is_failed(self, e, data, job, at):
        kind = data["kind"]
        if kind == "expired":
            self.among(job, "waiting", "running") if job.lost else self.among(job, "created", "scheduled", "waiting", "retrying")
            need(job.passed(at - (0 if job.lost or job.status != "waiting" else 2 * SECOND)), "before its end")
        elif job.lost:
            self.among(job, "waiting", "running")
            need(kind == ("timeout" if job.lost == "timeout" else "lost") and not job.passed(at), "without its cause")
            need(job.counted >= job.max_attempts or kind == "timeout" and kind not in job.on, "it has attempts left")
        else:
            r = self.of_its_runner(e, job, "failed")
            need(r["kind"] == kind and job.again(r, at) is None, "it failed otherwise, or is to be tried again")
        need(not e.actor.startswith("runner:") or not job.lost and kind != "expired", "by a runner")
        job.status, job.lost, job.token = "failed", None, None

    def job_is_stopped(self, e, data, job, at):
        self.among(job, "stopping") if job.lost else self.among(job, "created", "scheduled", "retrying", "stopping")
        need(not (job.open() and job.process) or e.actor == job.by, "without its runner's word")
        if e.actor.startswith("runner:"):
            self.said(e, job, job.process or self.reported(e)[1]["process"], ("stopped",))
        job.status, job.lost, job.token = "stopped", None, None

    def job_is_report_refused(self, e, data, job, at):
        r, b, _ = self.reported(e)
        need((r["t"], r.get("job"), r.get("grant"), b["process"]) == (data["said"], e.id, data["grant"], data["process"]), "nobody reported that")
        need(job.status != "deleted", "of a deleted job")
        mine = job.open() and data["grant"] == job.token and (not job.process or (data["process"], e.actor) == (job.process, job.by))
        need(not mine or data["said"] == "stopped" and job.status != "stopping", "it was to be taken")

    def job_is_replayed(self, e, data, job, at):
        self.among(job, "failed")
        job.expires = instant(data["expires"]) if "expires" in data else job.expires
        need(not job.passed(at) and (job.not_after is None or job.expires <= job.not_after), "after its end")
        job.status, job.counted, job.max_attempts, job.due = "retrying", 0, data["attempts"], at
        if "timeout" in data:
            job.longer, job.timeout = data["timeout"], data["timeout"] * SECOND

    def job_is_dropped(self, e, data, job, at):
        self.among(job, "failed")
        job.status = "dropped"

    def job_is_deleted(self, e, data, job, at):
        self.among(job, "completed", "failed", "stopped", "dropped")
        job.status = "deleted"

    def said(self, e, job, process, kinds):
        """Returns the report that says what an event of a job says."""
        r, b, id = self.reported(e)
        need(r["t"] in kinds and r["job"] == e.id and r["grant"] == job.token and b["process"] == process, "it does not say what was reported")
        use, _, name = job.queue.partition(":")
        if use == "executor":
            self.serves(b["runner"], id, [name])
        need(use == "executor" or name == b["runner"], "the queue of another runner")
        return r


HEADER = re.compile(r'\{"horus_log":1,"namespace":"(%s)","partition":%s,"end":%s\}\n' % (NAME, NUMBER, NUMBER))
ENTRY = re.compile(rb'\{"seq":(0|[1-9][0-9]*)(?:,"seal":"([!#-\[\]-~]{1,1024})")?,"(event|raw)":(.*)\}\n', re.S)


def stands(raw):
    """Reports whether an event can stand in a line."""
    try:
        source = raw.decode()
        return not re.search(r"[\x00-\x1f\x7f]", source) and value_end(source + "}", 0) == len(source)
    except (ValueError, Wrong):
        return False


def read_line(line):
    m = ENTRY.fullmatch(line)
    need(m and int(m[1]) < 2**53, "a line that is no entry")
    raw = m[4]
    if m[3] == b"raw":
        need(re.fullmatch(rb'"[A-Za-z0-9+/]*={0,2}"', raw), "a line that is no entry")
        raw = unbase64(raw[1:-1].decode(), None)
    need(len(raw) <= 2**20 and (m[3] == b"event") == stands(raw), "a line that is no entry")
    return int(m[1]), raw, m[2] and m[2].decode()


def verify(lines, trust):
    header = HEADER.fullmatch(next(lines, b"").decode("utf-8", "replace"))
    if not header:
        raise CannotTell("not a log that Horus exported")
    end, history, seq = int(header[3]), History(header[1], int(header[2])), 0
    for line in lines:
        if not line.endswith(b"\n"):
            raise CannotTell("the file ends within a line")
        try:
            need(seq < end, "the file goes on behind its end")
            seq, raw, wire = read_line(line)
        except Wrong as why:
            raise Fault(seq + 1, str(why)) from None
        history.read(seq, raw, wire)
        if trust and history.founding and history.founding.hex() != trust:
            raise Fault(1, "founded by %s, and %s is trusted" % (history.founding.hex(), trust))
    if seq < end:
        raise CannotTell("the file ends at seq %d; its first line promises %d" % (seq, end))
    if history.pending:
        raise Fault(history.pending[0].seq, "events that are not sealed")
    if not seq:
        raise CannotTell("the log is empty")
    return history


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Checks a history of Horus that `horus audit export` wrote.")
    parser.add_argument("file")
    parser.add_argument("--trust", help="fingerprint of the founding, 64 hex digits")
    options = parser.parse_args(arguments)
    try:
        with open(options.file, "rb") as lines:
            history = verify(lines, options.trust)
    except Fault as fault:
        print("tampered at seq %d: %s" % (fault.seq, ascii(str(fault))[1:-1]))
        return 1
    except (CannotTell, OSError) as why:
        print("cannot tell: %s" % why)
        return 2
    trusted = "as trusted" if options.trust else "unchecked: compare it with what its founder says"
    print("valid up to seq %d, seal %s, founded by %s (%s)" % (history.next - 1, history.previous.hex(), history.founding.hex(), trusted), end="")
    print("".join("; lost: %d to %d at least" % gap for gap in history.gaps))
    return 3 if history.gaps else 0


if __name__ == "__main__":
    sys.exit(main())
