"""The tables of a store, the same in SQLite and PostgreSQL. A change needs a script in migrations/versions/."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, Text

VERSION_TABLE = "rnnbench_version"
HEAD = "0001"  # the newest file in migrations/versions

TABLES = MetaData()
_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite increments only INTEGER keys automatically

RUNS = Table(
    "rnnbench_runs",
    TABLES,
    Column("run", _NUMBER, primary_key=True, autoincrement=True),
    Column("identity", String(64), nullable=False, unique=True),
    Column("content", String(64), nullable=False),
    Column("id", Text, nullable=False),
    Column("started_utc", Text, nullable=False),
    Column("finished", Boolean, nullable=False),
    Column("records", Integer, nullable=False),
    Column("folder", Text, nullable=False),  # in an index, the folder's name; empty in a team's store
    Column("seen", Text, nullable=False),  # in an index, size and time of the folder's files when they were read
    Column("machine", Text, nullable=False),
    Column("facts", Text, nullable=False),
)
CASES = Table(
    "rnnbench_cases",
    TABLES,
    Column("case", _NUMBER, primary_key=True, autoincrement=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("id", Text, nullable=False),
    Column("axes", Text, nullable=False),
)
FIGURES = Table(
    "rnnbench_figures",
    TABLES,
    Column("run", _NUMBER, ForeignKey(RUNS.c.run, ondelete="CASCADE"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("case", _NUMBER, ForeignKey(CASES.c.case), nullable=False),
    Column("figures", Text, nullable=False),
)
Index("rnnbench_figures_by_case", FIGURES.c.case, FIGURES.c.run)
BODIES = Table(
    "rnnbench_bodies",
    TABLES,
    Column("run", _NUMBER, ForeignKey(RUNS.c.run, ondelete="CASCADE"), primary_key=True),
    Column("part", Integer, primary_key=True),  # 0 is run.json, the others are records.jsonl in order
    Column("body", LargeBinary, nullable=False),  # zlib
)
