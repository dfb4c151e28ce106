#!/bin/sh
# Installs gittrace for this user, from the checkout that this file is in. Needs no root; safe to run again.

set -eu

usage() {
	cat <<-END
	usage: sh install.sh [--method (uv | pipx | venv)] [--no-demo]
	   or: sh install.sh --uninstall

	Without --method: as it was installed before, else with uv, else with pipx, else into a virtual
	environment of its own below ~/.local/share/gittrace.
	END
}

say() {
	printf '%s\n' "$*"
}

die() {
	printf 'fatal: %s\n' "$1" >&2
	shift
	for hint; do
		printf 'hint: %s\n' "$hint" >&2
	done
	exit 128
}

# A relative XDG_DATA_HOME is to be ignored (XDG base directory specification).
case ${XDG_DATA_HOME-} in
/*) share=$XDG_DATA_HOME ;;
*) share=$HOME/.local/share ;;
esac
home=$share/gittrace
venv=$home/venv
link_dir=$HOME/.local/bin
link=$link_dir/git-trace

works() {
	# pyenv's shims and macOS's stubs are on PATH and yet not there
	"$1" --version >/dev/null 2>&1
}

in_uv() {
	works uv && [ -d "$(uv tool dir)/gittrace" ]
}

in_pipx() {
	works pipx && pipx list --short 2>/dev/null | grep -q '^gittrace '
}

in_venv() {
	[ -e "$venv/pyvenv.cfg" ]
}

find_checkout() {
	checkout=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
	if ! grep -q '^name = "gittrace"$' "$checkout/pyproject.toml" 2>/dev/null; then
		die "'$checkout' is not a checkout of gittrace" "clone the repository and run the install.sh that is in it"
	fi
}

check_git() {
	version=$(git --version 2>/dev/null) || die "there is no git on PATH" "install git 2.34 or newer"
	numbers=${version#git version }
	major=${numbers%%.*}
	minor=${numbers#*.}
	minor=${minor%%[!0-9]*}
	if [ "$major" -lt 2 ] || { [ "$major" -eq 2 ] && [ "$minor" -lt 34 ]; }; then
		die "'$version' is too old" "install git 2.34 or newer"
	fi
}

# Sets python to one that is new enough and, if anything is asked for, has these modules.
find_python() {
	python=
	old=
	for candidate in python3.14 python3.13 python3.12 python3.11 python3 python; do
		if "$candidate" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
			python=${python:-$candidate}
			if [ $# -eq 0 ] || "$candidate" -I -c "import $1" >/dev/null 2>&1; then
				python=$candidate
				return 0
			fi
		elif works "$candidate"; then
			old="$("$candidate" --version 2>&1) is too old"
		fi
	done
	return 1
}

need_python() {
	find_python "$@" && return
	if [ -n "$python" ]; then
		package=$("$python" -I -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
		die "'$python' cannot make a virtual environment: it has no ensurepip" \
			"on Debian and Ubuntu: sudo apt install $package" \
			"or install uv, which needs no Python of the system: https://docs.astral.sh/uv"
	fi
	die "Python 3.11 or newer is needed${old:+: $old}" \
		"install it (Debian: apt install python3 python3-venv; macOS: brew install python)" \
		"or install uv, which fetches one by itself: https://docs.astral.sh/uv"
}

choose_method() {
	for method in venv uv pipx; do
		if "in_$method"; then
			return
		fi
	done
	if works uv; then
		method=uv
	elif works pipx; then
		method=pipx
	else
		method=venv
	fi
}

bin_of_uv() {
	uv tool dir --bin
}

bin_of_pipx() {
	# pipx before 1.1 has no such command
	pipx environment --value PIPX_BIN_DIR 2>/dev/null || say "${PIPX_BIN_DIR:-$link_dir}"
}

bin_of_venv() {
	say "$link_dir"
}

install_with_uv() {
	works uv || die "there is no uv on PATH"
	# Where there is no fitting Python, uv fetches the newest, for which dependencies may have no wheels yet.
	# Without the other options it would take a wheel that it built of another state of this checkout.
	uv tool install --quiet --python '>=3.11,<3.15' \
		--reinstall-package gittrace --refresh-package gittrace "$checkout"
}

install_with_pipx() {
	works pipx || die "there is no pipx on PATH"
	need_python
	pipx install --quiet --force --python "$python" "$checkout"
}

install_with_venv() {
	if [ -e "$link" ] || [ -L "$link" ]; then
		[ "$(readlink "$link")" = "$venv/bin/git-trace" ] ||
			die "'$link' is there already, and is not of this installation" "remove it first"
	fi
	if ! "$venv/bin/python" -I -c 'import pip' >/dev/null 2>&1; then
		# new, or its Python has gone with an upgrade of the system
		need_python ensurepip
		"$python" -m venv --clear "$venv"
	fi
	# settings that fit no virtual environment
	PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_DISABLE_PIP_VERSION_CHECK=1
	export PIP_USER PIP_REQUIRE_VIRTUALENV PIP_DISABLE_PIP_VERSION_CHECK
	"$venv/bin/python" -m pip install --quiet --upgrade "$checkout"
	mkdir -p "$link_dir"
	ln -sf "$venv/bin/git-trace" "$link"
}

tell_path() {
	case :$PATH: in
	*":$bin:"*) return ;;
	esac
	case ${SHELL-} in
	*/fish)
		say "'$bin' is not in PATH; 'git trace' works after: fish_add_path '$bin'"
		return
		;;
	*/zsh) file=.zshrc ;;
	*/bash)
		file=.bashrc
		[ "$(uname)" != Darwin ] || file=.bash_profile
		;;
	*) file=.profile ;;
	esac
	say "'$bin' is not in PATH; 'git trace' works in new shells after:"
	say "    echo 'export PATH=\"$bin:\$PATH\"' >>~/$file"
}

install() {
	check_git
	find_checkout
	[ -n "$method" ] || choose_method
	say "installing gittrace from the checkout '$checkout' with $method"
	"install_with_$method"
	bin=$("bin_of_$method")
	"$bin/git-trace" install-extras
	say "installed '$bin/git-trace' ($("$bin/git-trace" --version))"
	tell_path
	if "$demo"; then
		PATH=$bin:$PATH "$bin/git-trace" demo
	fi
}

remove_with_uv() {
	uv tool uninstall --quiet gittrace
}

remove_with_pipx() {
	pipx uninstall gittrace >/dev/null
}

remove_with_venv() {
	rm -rf "$venv"
	if [ "$(readlink "$link")" = "$venv/bin/git-trace" ]; then
		rm -f "$link"
	fi
}

uninstall() {
	found=false
	for method in venv uv pipx; do
		if "in_$method"; then
			found=true
			bin=$("bin_of_$method")
			if works "$bin/git-trace"; then
				"$bin/git-trace" install-extras --uninstall
			fi
			"remove_with_$method"
		fi
	done
	"$found" || die "gittrace is not installed here"
	# a folder that somebody else uses is not empty
	rmdir "$home" "$link_dir" "$share" "$HOME/.local" 2>/dev/null || :
	say "removed gittrace; what it recorded is still in the repositories ('git trace deinit --purge' takes it out)"
}

action=install
method=
demo=true
while [ $# -gt 0 ]; do
	case $1 in
	--uninstall) action=uninstall ;;
	--no-demo) demo=false ;;
	--method=uv | --method=pipx | --method=venv) method=${1#*=} ;;
	--method)
		case ${2-} in
		uv | pipx | venv) method=$2 ;;
		*) usage >&2 && exit 129 ;;
		esac
		shift
		;;
	-h | --help) usage && exit 0 ;;
	*) usage >&2 && exit 129 ;;
	esac
	shift
done
"$action"
