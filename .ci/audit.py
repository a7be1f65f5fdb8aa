"""What installing rnnbench brings along: licences, a bill of materials (CycloneDX) and known vulnerabilities.

`python .ci/audit.py FOLDER` (or `tox -e audit`) reads the packages that rnnbench needs at run time from the current environment. Exit
status 0: audited, nothing known. 3: a vulnerability, or a licence outside ACCEPTED. 4: pip-audit's database could not be reached, or does
not know a package. pip-audit itself ends with 0 there.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = "rnnbench"
ACCEPTED = re.compile(r"0BSD|APACHE|BSD|CC0|HPND|ISC|LGPL|MIT|MPL|MOZILLA|NVIDIA|PSF|PYTHON SOFTWARE FOUNDATION|UNLICENSE|ZLIB")
"""A licence needs one of these words. LGPL and MPL apply to changes of the package itself, which rnnbench does not make; NVIDIA's is that
of the CUDA libraries that torch's CUDA build requires."""
CLEAN, HARM, UNKNOWN = 0, 3, 4


def needed(name: str = ROOT) -> dict[str, Distribution]:
    """The packages that `name` requires on this platform, without extras, and theirs; by normalised name."""
    found: dict[str, Distribution] = {}
    left = [Requirement(name)]
    while left:
        requirement = left.pop()
        at = canonicalize_name(requirement.name)
        fresh = at not in found
        found.setdefault(at, distribution(requirement.name))
        if fresh or requirement.extras:
            left += [one for one in map(Requirement, found[at].requires or ()) if _applies(one, requirement.extras)]
    return {name: found[name] for name in sorted(found) if name != ROOT}


def licence(package: Distribution) -> str:
    """As the package's metadata states it: an SPDX expression, the classifiers, or the first line of the field License."""
    about = package.metadata
    classifiers = [one.rsplit(" :: ", 1)[-1] for one in about.get_all("Classifier") or () if one.startswith("License :: ")]
    stated = about.get("License-Expression") or " AND ".join(classifiers) or (about.get("License") or "").strip().split("\n")[0]
    return stated or "not stated"


def table(packages: Iterable[Distribution]) -> str:
    """A Markdown table of packages and licences."""
    rows = [f"| {one.metadata['Name']} | {licence(one)} |" for one in packages]
    return "\n".join(["| Package | Licence |", "| --- | --- |", *rows, ""])


def vulnerabilities(listed: Path) -> tuple[list[str], list[str]]:
    """Known vulnerabilities, and what could not be audited with the reason, from pip-audit over a file of pinned packages."""
    words = [
        sys.executable,
        "-m",
        "pip_audit",
        "-r",
        str(listed),
        "--no-deps",
        "--disable-pip",
        "--format",
        "json",
        "--progress-spinner",
        "off",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return [], [(done.stderr.strip().splitlines() or ["pip-audit printed nothing"])[-1]]
    harm = [f"{one['name']} {one['version']}: {each['id']}" for one in packages for each in one.get("vulns", ())]
    return harm, [f"{one['name']}: {one['skip_reason']}" for one in packages if "skip_reason" in one]


def main(folder: Path) -> int:
    """Write the three files, print what was found, and return the exit status."""
    folder.mkdir(parents=True, exist_ok=True)
    packages = needed()
    listed = folder / "requirements.txt"
    listed.write_text("".join(f"{name}=={one.version.partition('+')[0]}\n" for name, one in packages.items()))
    (folder / "licences.md").write_text(table(packages.values()))
    sbom = [sys.executable, "-m", "cyclonedx_py", "requirements", str(listed), "--output-reproducible", "-o", str(folder / "sbom.cdx.json")]
    subprocess.run(sbom, check=True)
    harm, unknown = vulnerabilities(listed)
    harm += [f"{name}: licence {licence(one)!r}" for name, one in packages.items() if not ACCEPTED.search(licence(one).upper())]
    print(f"{len(packages)} packages; {listed}, licences.md and sbom.cdx.json written")
    for line in harm or ["no vulnerability or unaccepted licence found"]:
        print(line)
    if unknown:
        print(f"vulnerabilities not audited in {len(unknown)} of {len(packages)} packages, for instance {unknown[0]}")
    return HARM if harm else UNKNOWN if unknown else CLEAN


def _applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    return requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in (*extras, ""))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
