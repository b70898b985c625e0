#!/usr/bin/env bash
# Official SDKs of other languages against the emulator, unchanged and with TLS verified. It installs the Node SDKs of
# package.json in a temporary folder, starts examples/emulator on loopback, and runs service.js and device.js; then
# service.py where the Python SDK is installed or can be unpacked from its Debian package. A step prints a line each, and
# the first that fails ends the script with status 1. INTEROP=0 skips all of it. It takes a minute.
set -euo pipefail
cd "$(dirname "$0")"

if [ "${INTEROP:-1}" = 0 ]; then
	echo 'interop: skipped, because INTEROP is 0'
	exit 0
fi
for tool in node npm; do
	if ! command -v "$tool" >/dev/null; then
		echo "interop: skipped, because there is no $tool here"
		exit 0
	fi
done

work=$(mktemp -d)
emulator= child=
finish() {
	local pid
	for pid in $child $emulator; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
	echo "interop: $*" >&2
	exit 1
}

# bounded SECONDS COMMAND... runs a command that a signal to this script ends, too: a trap waits for no background process.
bounded() {
	local status=0
	timeout "$@" &
	child=$!
	wait "$child" || status=$?
	child=
	return "$status"
}

# start_emulator runs the emulator and exports what it prints.
start_emulator() {
	go build -o "$work/emulator" ../../examples/emulator
	"$work/emulator" -v -hub "$HUB" -ca-out "$work/ca.pem" >"$work/env" 2>"$work/log" &
	emulator=$!
	for _ in $(seq 100); do
		[ ! -s "$work/env" ] || break
		kill -0 "$emulator" 2>/dev/null || break
		sleep 0.1
	done
	[ -s "$work/env" ] || fail "the emulator did not start: $(cat "$work/log")"
	while IFS= read -r line; do
		export "${line?}"
	done <"$work/env"
}

# run_script runs a script of an SDK, and shows what the emulator saw if it fails.
run_script() {
	echo "== $1"
	shift
	bounded 60 "$@" || {
		echo '== the last requests, as the emulator saw them' >&2
		tail -n 10 "$work/log" >&2
		fail "failed: $*"
	}
}

# unpack_python puts the Python SDK and what it needs into $work/python, from packages of Debian 13. Nothing is installed.
unpack_python() {
	local suite=trixie keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror
	local packages=(python3-azure python3-requests python3-urllib3 python3-certifi python3-idna python3-chardet
		python3-isodate python3-six python3-typing-extensions)
	[ -r "$keyring" ] && command -v apt-get >/dev/null || return 1
	mirror=$(apt-get indextargets --format '$(SITE)' | grep -m 1 '/debian$') || return 1 # the one that this machine uses
	mkdir -p "$work/apt/state/lists/partial" "$work/apt/cache/archives/partial" "$work/python"
	echo "deb [signed-by=$keyring] $mirror $suite main" >"$work/apt/sources.list"
	cat >"$work/apt/apt.conf" <<-EOC
		Dir::Etc::sourcelist "$work/apt/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::State "$work/apt/state";
		Dir::State::status "/dev/null";
		Dir::Cache "$work/apt/cache";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
		Acquire::http::Timeout "15";
	EOC
	bounded 60 apt-get -qq -c "$work/apt/apt.conf" update >"$work/apt/log" 2>&1 || return 1
	bounded 60 env -C "$work/apt" apt-get -qq -c apt.conf download "${packages[@]}" >>"$work/apt/log" 2>&1 || return 1
	local lib=./usr/lib/python3/dist-packages package wanted
	for package in "$work"/apt/*.deb; do
		wanted=("$lib/*")
		case $package in
		*/python3-azure_*) wanted=("$lib/azure/core/*" "$lib/azure/iot/*") ;; # of 500 MB
		esac
		dpkg-deb --fsys-tarfile "$package" |
			tar -x -C "$work/python" --strip-components=5 --wildcards "${wanted[@]}" || return 1
	done >>"$work/apt/log" 2>&1
	python3 -c 'import azure.iot.deviceprovisioning' 2>>"$work/apt/log"
}

# prepare_python makes the Python SDK importable, or says why it is not run.
prepare_python() {
	if ! command -v python3 >/dev/null; then
		echo '== service.py: skipped, because there is no python3 here'
		return 1
	fi
	if python3 -c 'import azure.iot.deviceprovisioning, requests' 2>/dev/null; then
		return 0
	fi
	export PYTHONPATH="$work/python" PYTHONDONTWRITEBYTECODE=1
	if ! unpack_python; then
		echo '== service.py: skipped, because the Python SDK is neither installed nor to be had from a Debian mirror'
		[ ! -s "$work/apt/log" ] || tail -n 3 "$work/apt/log"
		return 1
	fi
}

export CERTIFICATES="$work/certificates" HUB=interop-hub.azure-devices.net NODE_PATH="$work/node_modules"
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
mkdir "$CERTIFICATES"
go run ./certificates "$CERTIFICATES"
cp package.json package-lock.json "$work"
for try in 1 2 3; do
	bounded 90 npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund --loglevel=error >"$work/npm.log" 2>&1 && break
	if [ "$try" = 3 ]; then
		if ! bounded 30 npm ping >/dev/null 2>&1; then
			echo 'interop: skipped, because npm reaches no registry'
			exit 0
		fi
		fail "npm cannot install the SDKs (INTEROP=0 skips this): $(tail -n 5 "$work/npm.log")"
	fi
done
start_emulator
run_script 'the service SDK for Node' env NODE_EXTRA_CA_CERTS="$DPS_CA_FILE" node service.js
run_script 'the device SDK for Node' env NODE_EXTRA_CA_CERTS="$DPS_CA_FILE" node device.js
if prepare_python; then
	run_script 'the service SDK for Python' env REQUESTS_CA_BUNDLE="$DPS_CA_FILE" python3 service.py
fi
kill -INT "$emulator"
wait "$emulator" || fail "the emulator ended with status $?"
emulator=
echo 'interop: everything holds'
