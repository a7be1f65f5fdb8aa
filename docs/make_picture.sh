#!/usr/bin/env bash
# docs/report.png from the top of a report: docs/make_picture.sh [REPORT.html] (the newest in reports/ where none is named).
set -euo pipefail
page=${1:-$(ls -t reports/*.html | head -n 1)}
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
options=(--headless --disable-gpu --hide-scrollbars --window-size=1280,1500 --screenshot="$(dirname "$0")/report.png")
if [ "$(id -u)" -eq 0 ]; then options+=(--no-sandbox); fi
"$browser" "${options[@]}" "file://$(realpath "$page")"
