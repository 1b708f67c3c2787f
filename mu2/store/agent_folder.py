"""What an agent of a system has written and not published yet: `agents/<name>/` in its folder.

  state.json              the cycle under way, replaced atomically after each generation
  packs                   names of the packs it wrote in this cycle, one a line
  log.jsonl, times.jsonl  this cycle's children
  new/                    the pack that is being written

Nobody else writes there. A pack is named in `packs` before it is in place, so that whoever looks at
the packs first and at the names then removes nothing that an agent still needs.
"""

import shutil
import urllib.parse
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from mu2.errors import Mu2Error
from mu2.store.arrays import Arrays, pack_name
from mu2.store.components import ComponentStore
from mu2.store.files import Json, encode, flush, is_digest, read_bytes, read_json, write_file


class AgentFolder:
    """The folder of one agent.

    Attributes:
      path: where it lies.
      log: the children of the cycle under way.
      times: their wall times.
    """

    def __init__(self, system: Path, agent: str):
        self.path = system / "agents" / urllib.parse.quote(agent, safe="")
        self.log = self.path / "log.jsonl"
        self.times = self.path / "times.jsonl"

    def make(self) -> None:
        """Makes the folder; nothing happens where it is there.

        Raises:
          OSError: it cannot be made.
        """
        self.path.parent.mkdir(exist_ok=True)
        self.path.mkdir(exist_ok=True)
        shutil.rmtree(self.path / "new", ignore_errors=True)  # what a kill left

    def read(self) -> Json:
        """The state of the cycle under way; None where there is none.

        Raises:
          Mu2Error: it is damaged.
        """
        path = self.path / "state.json"
        try:
            return read_json(path) if path.exists() else None
        except Mu2Error:
            if path.exists():
                raise
            return None  # published meanwhile

    def write(self, state: Json) -> None:
        """Replaces the state, durably.

        Raises:
          OSError: the folder cannot be written.
        """
        write_file(self.path / "state.json", encode(state))
        flush(self.path)

    def clear(self) -> None:
        """Removes everything: the cycle is published, or given up.

        Raises:
          OSError: the folder cannot be written.
        """
        for name in ("state.json", "packs", "log.jsonl", "times.jsonl"):
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.path / "new", ignore_errors=True)

    def packs(self) -> list[str]:
        """Names of the packs that it wrote and no commit names yet."""
        path = self.path / "packs"
        lines = read_bytes(path).decode("ascii", "replace").splitlines() if path.exists() else []
        return [line for line in lines if is_digest(line)]

    def add_pack(self, pack: str) -> None:
        """Names one more pack, which is not in place yet."""
        with open(self.path / "packs", "a", encoding="ascii") as file:
            file.write(f"{pack}\n")


def agent_folders(system: Path) -> Iterator[tuple[str, AgentFolder]]:
    """The agents that have something unpublished, by name."""
    folder = system / "agents"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = urllib.parse.unquote(path.name)
        yield name, AgentFolder(system, name)


def unpublished_packs(system: Path, but: str | None = None) -> set[str]:
    """The packs that agents, running or stopped, still need; one of them can be left out."""
    return {p for name, folder in agent_folders(system) if name != but for p in folder.packs()}


class AgentComponents(ComponentStore):
    """The components of a system as one agent writes them, beside others.

    What is unpublished is shared with nobody: a component is found again where it is this agent's
    own of the same cycle, or published.
    """

    def __init__(self, directory: Path, folder: AgentFolder):
        super().__init__(directory)
        self._folder = folder
        self._new = folder.path / "new"

    def put(self, components: Mapping[str, Arrays]) -> None:
        """See `ComponentStore.put`; the pack is named first."""
        if components:
            self._folder.add_pack(pack_name(components))
        super().put(components)

    def find_again(self, packs: Iterable[str]) -> None:
        """Lets the components of packs be found that this agent wrote before it was stopped."""
        for pack in packs:
            try:
                self._placed.update(dict.fromkeys(self.components(pack), pack))
            except Mu2Error:
                continue  # killed before it was in place

    def publish(self, packs: Iterable[str]) -> None:
        """Lets every writer find the components of packs; call under the system's lease.

        Raises:
          Mu2Error: one is missing, or its manifest is damaged.
          OSError: the folder cannot be written.
        """
        for pack in packs:
            self._manifests.pop(pack, None)  # it is looked for on disk
            self._point(self.components(pack), pack)

    def remove_others(self, agent: str, packs: Collection[str]) -> None:
        """Removes what the agent wrote in its cycle but for some packs; call as `publish`.

        Raises:
          Mu2Error: the folder cannot be written.
        """
        gone = {p for p in self._folder.packs() if p not in packs and not self._is_published(p)}
        if gone:
            self.remove(gone - unpublished_packs(self.directory.parent, but=agent))

    def _is_published(self, pack: str) -> bool:
        """Whether another agent has published a pack of the very same components."""
        try:
            return any(self._where(d) == pack for d in self.components(pack))
        except Mu2Error:
            return False  # it is not there

    def forget(self) -> None:
        """Lets nothing be found that is not published."""
        self._placed.clear()

    def _put_in_place(self, new: Path, target: Path) -> None:
        try:
            new.rename(target)
        except OSError:
            # Another agent has made the very same components meanwhile.
            if not target.exists():
                raise
            shutil.rmtree(new)
