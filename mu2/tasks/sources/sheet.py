"""A CSV or Parquet file as it stands: the names of its columns, and its rows."""

import dataclasses
import functools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mu2.errors import Mu2Error
from mu2.tasks.foreign import foreign_file
from mu2.tasks.sources.listing import entries, home, in_order
from mu2.tasks.sources.parquet import PARQUET, is_parquet, read_parquet

_SUFFIXES = (".csv", ".tsv", *PARQUET)
# Of rows with one fault, as many are told.
_TOLD = 5
# What stands between values, the commonest first.
_DELIMITERS = (",", ";", "\t", "|")
# Excel's own first line, which some writers put in quotes.
_SEP = re.compile(rb'("?)sep=([ -~\t])\1[ \t]*(?:\r?\n|\Z)', re.I)
_BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclasses.dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
      file: that it stands in.
      line: the line that it begins in, from 1; of a Parquet file, which row it is.
      values: one a column.
      index: the number of each column, by name.
    """

    file: str
    line: int
    values: tuple[str, ...]
    index: dict[str, int]

    def __getitem__(self, name: str) -> str:
        return self.values[self.index[name]]

    @property
    def location(self) -> str:
        """file:line."""
        return f"{self.file}:{self.line}"


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A file.

    Attributes:
      file: its name.
      columns: their names, no two the same; that of a column without a name is empty.
      rows: the line that each begins in, and its values, one a column; of a Parquet file, texts
        of its numbers that read as the same numbers, and nothing where a value is missing.
      broken: the lines in which a quoted value begins that goes on in the next line.
      quote: what stood around values; empty where nothing did.
      guessed: nobody said whether quotes stand around values, and both is usual.
      left_out: columns of a Parquet file whose values are no single numbers or texts, and their
        types.
      declared: what stands between values by the file's own first line, of Excel's kind; None
        where there is no such line.
    """

    file: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    broken: tuple[int, ...] = ()
    quote: str = '"'
    guessed: bool = False
    left_out: tuple[tuple[str, str], ...] = ()
    declared: str | None = None

    @property
    def is_parquet(self) -> bool:
        """Whether it is one by its name."""
        return is_parquet(Path(self.file))

    @classmethod
    def of(cls, file: Path, delimiter: str | None, quote: str | None = None) -> "Sheet":
        """Reads a file; again only where it has changed.

        Args:
          file: in UTF-8, or Parquet, which its name tells.
          delimiter: what stands between values; None: a comma, or a tab in a file named `.tsv`. A
            first line of `sep=` and a character, which Excel reads, is none of the table and says
            it in any case.
          quote: what stands around a value that holds the delimiter, a quote or a line's end;
            empty: nothing does; None: a double quote; where the delimiter is a tab, only if every
            value that begins with one ends with one in its line (TSV itself knows no quotes).

        Raises:
          Mu2Error: pyarrow is missing; the file cannot be read, or is no table; or it is said what
            stands between or around values of a Parquet file.
        """
        try:
            status = file.stat()
            if is_parquet(file):
                if delimiter is not None or quote is not None:
                    name = "quote" if delimiter is None else "delimiter"
                    raise Mu2Error(f"CSV.{name} is set, and {file} is a Parquet file, without any.")
                return _of_parquet(str(file), status.st_mtime_ns, status.st_size)
            return _parsed(str(file), delimiter, quote, status.st_mtime_ns, status.st_size)
        except OSError as error:
            raise Mu2Error(f"{file}: {error.strerror}.") from error


def sheets_of(path: str, owner: str, delimiter: str | None, quote: str | None) -> dict[str, Sheet]:
    """One file, which is the split 'train', or the files of a folder, each named after its split.

    Args:
      path: of the file or the folder.
      owner: whose it is, for messages.
      delimiter: see `Sheet.of`.
      quote: likewise.

    Raises:
      Mu2Error: as `Sheet.of`; or two files are of one split, or none is there.
    """
    where = home(path, owner)
    files = {"train": where}
    if where.is_dir():
        found = [p for p in entries(where, where, owner) if p.suffix.lower() in _SUFFIXES]
        files = {file.stem: file for file in found}
        if len(files) < len(found):
            raise Mu2Error(f"{owner}: two of its files have the same name.")
        if not files:
            raise Mu2Error(
                f"{owner} holds no CSV or Parquet files.",
                hint="Each is named after its split: train.csv, validation.csv, test.csv.",
            )
    return {split: Sheet.of(files[split], delimiter, quote) for split in in_order(files)}


@functools.lru_cache(maxsize=16)
def _of_parquet(file: str, changed: int, size: int) -> Sheet:
    """A Parquet file's table; read again only where the file has changed."""
    columns, others = read_parquet(Path(file))
    texts = [[_text(value) for value in values] for values in columns.values()]
    rows = tuple(enumerate(zip(*texts, strict=True), 1))
    if not rows:
        raise Mu2Error(f"{file} has no rows.")
    return Sheet(file, tuple(columns), rows, left_out=tuple(others.items()))


def _text(value: Any) -> str:
    """A value as a CSV file would have it; nothing for one that is missing."""
    # NaN equals nothing, itself included.
    return "" if value is None or value != value else str(value).strip()


@functools.lru_cache(maxsize=16)
def _parsed(file: str, delimiter: str | None, quote: str | None, changed: int, size: int) -> Sheet:
    """A file's table; read again only where the file has changed.

    Raises:
      Mu2Error: it is no table.
      OSError: it cannot be read.
    """
    content = Path(file).read_bytes()
    _check_encoding(content, file)
    content = content.removeprefix(b"\xef\xbb\xbf")
    body = content.lstrip(b"\r\n")
    if (declared := _SEP.match(body)) is not None:
        delimiter = declared[2].decode()
        body = body[declared.end() :].lstrip(b"\r\n")
    delimiter = delimiter or ("\t" if file.lower().endswith(".tsv") else ",")
    guessed = quote is None and delimiter == "\t" and b'"' in body
    if quote is None:
        quote = '"' if delimiter != "\t" or _all_closed(body) else ""
    first = 1 + content[: len(content) - len(body)].count(b"\n")
    broken = tuple(_quoted(body, delimiter, quote, file, first)) if quote else ()
    records = _records(body, delimiter, quote) if body.strip() else []
    line, rows, uneven = first, [], []
    for values, breaks in records:
        if len(values) != len(records[0][0]):
            uneven.append((line, len(values)))
        elif any(values):  # an empty line, or one of delimiters alone, is no row
            rows.append((line, values))
        line += 1 + breaks
    if uneven:
        raise _uneven(file, records[0][0], first, len(rows) - 1, uneven, delimiter, quote)
    if len(rows) < 2:
        raise Mu2Error(
            f"{file} has no rows.", hint="The first line names the columns; rows follow."
        )
    columns = rows.pop(0)[1]
    if twice := [name for name, count in Counter(columns).items() if count > 1]:
        what = f"the column {twice[0]!r} is" if twice[0] else "columns without a name are"
        raise Mu2Error(f"{what} named twice.", location=f"{file}:{first}")
    said = declared and delimiter
    return Sheet(file, columns, tuple(rows), broken, quote, guessed, declared=said)


def _uneven(
    file: str,
    head: Sequence[str],
    first: int,
    even: int,
    uneven: Sequence[tuple[int, int]],
    delimiter: str,
    quote: str,
) -> Mu2Error:
    """What to say of rows with another number of values than there are columns.

    Args:
      file: its name.
      head: its first line.
      first: the number of that line.
      even: rows with as many values.
      uneven: the line and the number of values of the others.
      delimiter: between values.
      quote: around values.
    """
    (values, rows), *_ = Counter(values for _, values in uneven).most_common(1)
    if rows > even:
        line = next(line for line, each in uneven if each == values)
        return Mu2Error(
            f"{len(head)} value{'s' * (len(head) > 1)} in the first line, which names the columns, "
            f"and {values} in {rows:,} of {len(uneven) + even:,} rows.",
            location=f"{file}:{first}",
            hint=parting_hint(head, delimiter)
            or f"Line {line} is the first with {values}. Where the table begins there, take off "
            f"what is before it: tail -n +{line} {file}",
        )
    (line, values), more = uneven[0], uneven[1:]
    lines = ", ".join(str(line) for line, _ in more[:_TOLD])
    also = f", and so have {len(more):,} rows more (lines {lines}{' …' * (len(more) > _TOLD)})"
    return Mu2Error(
        f"{values} values, and {len(head)} columns are named in the first line{also * bool(more)}.",
        location=f"{file}:{line}",
        hint=parting_hint(head, delimiter)
        or "A value that holds the delimiter stands in double quotes; CSV.delimiter says what "
        "parts values."
        + " Quotes are read as letters here; CSV.quote = '\"' takes them for quotes." * (not quote),
    )


def parting_hint(head: Sequence[str], delimiter: str | None) -> str | None:
    """A hint where the first line is one value here, and another delimiter would part it."""
    if len(head) > 1:
        return None
    most = max(_DELIMITERS, key=head[0].count)
    if most == delimiter or most not in head[0]:
        return None
    return (
        f"{most!r} would part the first line into {head[0].count(most) + 1} columns: "
        f"CSV.delimiter = {most!r} in a task's Gin file. Files to predict or evaluate on are "
        "parted as those that the task was trained on."
    )


def _check_encoding(content: bytes, file: str) -> None:
    """Raises Mu2Error unless a file is text in UTF-8."""
    if (foreign := foreign_file(content[:64], file)) is not None:
        raise foreign
    for mark, name in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            raise Mu2Error(f"{file} is written in {name}.", hint="Save it as UTF-8.")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Mu2Error(
            f"{file} is not written in UTF-8 (byte {error.start}).",
            location=f"{file}:{line}",
            hint="Save it as UTF-8; it may be Latin-1: iconv -f LATIN1 -t UTF-8.",
        ) from error
    if b"\0" in content.partition(b"\n")[0]:
        raise Mu2Error(f"{file} begins with zero bytes, and is no CSV file in UTF-8.")


def _all_closed(content: bytes) -> bool:
    """Whether every value between tabs that begins with a double quote is closed in its line."""
    values = re.finditer(rb'(?:\A|(?<=[\t\r\n]))"[^\t\r\n]*', content)
    return all(re.fullmatch(rb'"(?:[^"]|"")*"', value[0]) for value in values)


def _quoted(content: bytes, delimiter: str, quote: str, file: str, first: int) -> Iterator[int]:
    """The lines in which quoted values begin that have several.

    pyarrow takes whatever follows a closing quote, and a file that ends inside of one, for parts
    of the value.

    Raises:
      Mu2Error: a quote is never closed, or something follows where it is.
    """
    q, ends = re.escape(quote.encode()), re.escape(delimiter.encode()) + rb"\r\n"
    value = rb"(?:\A|(?<=[%b]))%b(?:[^%b]++|%b%b)*+(%b?)(?=([%b]|\Z)?)"
    line, place = first, 0
    for match in re.finditer(value % (ends, q, q, q, q, q, ends), content):
        line, place = line + content.count(b"\n", place, match.start()), match.start()
        if not match[1] or match[2] is None:
            what = "is closed, and the value goes on" if match[1] else "is never closed"
            raise Mu2Error(
                f"a value begins with {quote}, which {what}.",
                location=f"{file}:{line}",
                hint=f"A {quote} inside of a quoted value is written twice. Where quotes are "
                "letters like others, set CSV.quote = ''.",
            )
        if b"\n" in match[0]:
            yield line


def _records(content: bytes, delimiter: str, quote: str) -> list[tuple[tuple[str, ...], int]]:
    """All rows, the first line and empty lines among them, in order.

    Returns:
      The values of each row, without blanks around them, and the ends of lines in it. Where it has
      another number of values than the first one, they are empty.

    Raises:
      Mu2Error: pyarrow is missing, or cannot read it.
    """
    try:
        import pyarrow
        from pyarrow import csv
    except ImportError as error:
        raise Mu2Error(
            "reading CSV files needs pyarrow.", hint="pip install 'mu2[tables]'"
        ) from error
    uneven: dict[int, tuple[tuple[str, ...], int]] = {}

    def skip(row: Any) -> str:
        uneven[row.number] = (("",) * row.actual_columns, row.text.count("\n"))
        return "skip"

    options = {
        # One block, so that a value may have any length; rows have numbers in one thread alone.
        "read_options": csv.ReadOptions(
            use_threads=False,
            block_size=min(len(content) + 1, 2**31 - 1),
            autogenerate_column_names=True,
        ),
        "parse_options": csv.ParseOptions(
            delimiter=delimiter,
            quote_char=quote or False,
            double_quote=bool(quote),
            newlines_in_values=bool(quote),
            ignore_empty_lines=False,
            invalid_row_handler=skip,
        ),
        "convert_options": csv.ConvertOptions(default_column_type=pyarrow.large_string()),
    }
    try:
        table = csv.read_csv(pyarrow.BufferReader(content), **options)
    except pyarrow.ArrowInvalid as error:
        raise Mu2Error(f"it is no CSV file: {error}.") from error
    columns = [column.to_pylist() for column in table.columns]
    rows = zip(*columns, strict=True)
    even = ((tuple(map(str.strip, r)), sum(value.count("\n") for value in r)) for r in rows)
    count = table.num_rows + len(uneven)
    return [uneven[n] if n in uneven else next(even) for n in range(1, count + 1)]
