-- Written for SQLite; dialect.rs turns it into PostgreSQL: `INTEGER PRIMARY KEY` becomes `BIGINT PRIMARY KEY`,
-- `WITHOUT ROWID` goes, and every TEXT column compares byte by byte. Times are milliseconds since 1970, UTC.

CREATE TABLE schema_version (version BIGINT NOT NULL);

-- Numbers given out so far. The row is locked until the transaction ends, so numbers are in order of commit
-- and have no holes.
CREATE TABLE counter (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL);
INSERT INTO counter (name, value) VALUES ('asset', 0), ('check', 0), ('layout', 0), ('change', 0);

CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);

-- The checks behind the letters of asset.verdicts, per content and kind, as a JSON list of ids.
CREATE TABLE verdict_layout (
    id INTEGER PRIMARY KEY,
    content TEXT NOT NULL,
    kind TEXT NOT NULL,
    checks TEXT NOT NULL
);

-- One narrow row an asset: what lists filter, sort and show. Documents are in asset_doc.
-- ephi: 0 no, 1 unknown, 2 yes. state: 0 compliant, 1 undetermined, 2 failing. worst: rank of the worst failing
-- check, 0 none. states: one letter a category (codes.rs). ord: rises from the worst asset to the best.
CREATE TABLE asset (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    ephi BIGINT NOT NULL,
    state BIGINT NOT NULL,
    states TEXT NOT NULL,
    worst BIGINT NOT NULL,
    ord BIGINT NOT NULL,
    collected_at BIGINT NOT NULL,
    judged_at BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    failing BIGINT NOT NULL,
    unknown BIGINT NOT NULL,
    passing BIGINT NOT NULL,
    not_applicable BIGINT NOT NULL,
    status TEXT NOT NULL,
    layout BIGINT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    sort_name TEXT NOT NULL,
    verdicts TEXT NOT NULL,
    digest TEXT NOT NULL,
    search TEXT NOT NULL
);
CREATE INDEX asset_ord ON asset (ord, n);
CREATE INDEX asset_name ON asset (sort_name, n);
CREATE INDEX asset_kind_ord ON asset (kind, ord, n);
CREATE INDEX asset_kind_name ON asset (kind, sort_name, n);
CREATE INDEX asset_seen ON asset (collected_at, n);
CREATE INDEX asset_states ON asset (states, judged_at);
CREATE INDEX asset_counts ON asset (kind, ephi, state);

CREATE TABLE asset_doc (
    n INTEGER PRIMARY KEY REFERENCES asset (n) ON DELETE CASCADE,
    collector TEXT NOT NULL,
    status TEXT NOT NULL,
    labels TEXT NOT NULL,
    facts TEXT NOT NULL
);

CREATE TABLE relation (
    asset BIGINT NOT NULL REFERENCES asset (n) ON DELETE CASCADE,
    pos BIGINT NOT NULL,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (asset, pos)
) WITHOUT ROWID;
CREATE INDEX relation_target ON relation (target, asset);

CREATE TABLE check_tally (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    pass BIGINT NOT NULL,
    fail BIGINT NOT NULL,
    unknown BIGINT NOT NULL,
    not_applicable BIGINT NOT NULL,
    excepted BIGINT NOT NULL
);

-- ord holds verdict, severity and the asset's ephi, worst first (codes.rs).
CREATE TABLE finding (
    asset BIGINT NOT NULL REFERENCES asset (n) ON DELETE CASCADE,
    chk BIGINT NOT NULL,
    ord BIGINT NOT NULL,
    since BIGINT NOT NULL,
    reason TEXT NOT NULL,
    facts TEXT NOT NULL,
    PRIMARY KEY (asset, chk)
);
CREATE INDEX finding_order ON finding (ord, since, asset, chk);
CREATE INDEX finding_check ON finding (chk, ord, since, asset);

-- Findings counted by verdict and severity.
CREATE TABLE finding_tally (grade INTEGER PRIMARY KEY, amount BIGINT NOT NULL);

-- severity: 0 none. moved: the severity of an opened or closed finding of severity medium or worse, else 0.
-- categories: a bit each (codes.rs).
CREATE TABLE change (
    id INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    asset TEXT NOT NULL,
    asset_name TEXT NOT NULL,
    asset_kind TEXT NOT NULL,
    check_id TEXT NOT NULL,
    severity BIGINT NOT NULL,
    moved BIGINT NOT NULL,
    categories BIGINT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX change_at ON change (at, id);
CREATE INDEX change_asset ON change (asset, at, id);
CREATE INDEX change_moved ON change (at, moved, id, categories) WHERE moved > 0;

-- category is empty for overall.
CREATE TABLE posture_hour (
    hour BIGINT NOT NULL,
    category TEXT NOT NULL,
    compliant BIGINT NOT NULL,
    failing BIGINT NOT NULL,
    failing_fresh BIGINT NOT NULL,
    undetermined BIGINT NOT NULL,
    stale BIGINT NOT NULL,
    known BIGINT NOT NULL,
    PRIMARY KEY (category, hour)
) WITHOUT ROWID;

CREATE TABLE source (
    collector TEXT NOT NULL,
    target TEXT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (collector, target)
) WITHOUT ROWID;
