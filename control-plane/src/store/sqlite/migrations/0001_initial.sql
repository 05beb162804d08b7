-- Times are microseconds since 1970. Lanes: 1 config, 2 credentials. Kinds: 1 agent, 2 plan, 3 consumer,
-- 4 subscription, 5 API key.

CREATE TABLE identity (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    epoch      BLOB NOT NULL,
    key_pepper BLOB NOT NULL
) STRICT;

-- Newest revision of each lane, and the revision through which its log is forgotten.
CREATE TABLE lane (
    lane  INTEGER PRIMARY KEY,
    head  INTEGER NOT NULL,
    floor INTEGER NOT NULL
) STRICT;
INSERT INTO lane (lane, head, floor) VALUES (1, 0, 0), (2, 0, 0);

CREATE TABLE resource (
    kind        INTEGER NOT NULL,
    name        TEXT NOT NULL,
    uid         BLOB NOT NULL,
    revision    INTEGER NOT NULL,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    body        BLOB NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

-- Holder is NULL where it is the resource itself.
CREATE TABLE claim (
    key    TEXT NOT NULL,
    kind   INTEGER NOT NULL,
    name   TEXT NOT NULL,
    holder TEXT,
    PRIMARY KEY (key, kind, name),
    FOREIGN KEY (kind, name) REFERENCES resource (kind, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX claim_by_resource ON claim (kind, name);

CREATE TABLE reference (
    kind    INTEGER NOT NULL,
    name    TEXT NOT NULL,
    to_kind INTEGER NOT NULL,
    to_name TEXT NOT NULL,
    PRIMARY KEY (kind, name, to_kind, to_name),
    FOREIGN KEY (kind, name) REFERENCES resource (kind, name) ON DELETE CASCADE,
    FOREIGN KEY (to_kind, to_name) REFERENCES resource (kind, name) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;
CREATE INDEX reference_by_target ON reference (to_kind, to_name, kind, name);

-- The log: one row a revision, and what it changed for the data planes.
CREATE TABLE revision (
    lane        INTEGER NOT NULL,
    revision    INTEGER NOT NULL,
    commit_time INTEGER NOT NULL,
    traceparent TEXT,
    PRIMARY KEY (lane, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE change (
    lane     INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    name     TEXT NOT NULL,
    body     BLOB,
    PRIMARY KEY (lane, revision, n)
) STRICT, WITHOUT ROWID;

-- What data planes should hold now.
CREATE TABLE record (
    lane     INTEGER NOT NULL,
    name     TEXT NOT NULL,
    revision INTEGER NOT NULL,
    body     BLOB NOT NULL,
    PRIMARY KEY (lane, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id                   INTEGER PRIMARY KEY AUTOINCREMENT,
    time                 INTEGER NOT NULL,
    actor                TEXT NOT NULL,
    method               TEXT NOT NULL,
    request_id           TEXT NOT NULL,
    resources            TEXT NOT NULL,
    config_revision      INTEGER,
    credentials_revision INTEGER
) STRICT;

CREATE TABLE replay (
    actor                TEXT NOT NULL,
    request_id           TEXT NOT NULL,
    request_sha256       BLOB NOT NULL,
    response             BLOB NOT NULL,
    config_revision      INTEGER,
    credentials_revision INTEGER,
    commit_time          INTEGER,
    expire_time          INTEGER NOT NULL,
    PRIMARY KEY (actor, request_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX replay_by_expiry ON replay (expire_time);

CREATE TABLE token (
    kind        INTEGER NOT NULL,
    id          TEXT NOT NULL,
    sha256      BLOB NOT NULL,
    data_plane  TEXT NOT NULL,
    region      TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    expire_time INTEGER,
    revoke_time INTEGER,
    PRIMARY KEY (kind, id),
    UNIQUE (kind, sha256)
) STRICT, WITHOUT ROWID;

CREATE TABLE data_plane (
    name              TEXT PRIMARY KEY,
    last_contact_time INTEGER NOT NULL,
    body              BLOB NOT NULL
) STRICT, WITHOUT ROWID;
