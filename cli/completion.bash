# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Completion of trustctl for bash. Commands, options and their choices come
# from the program's own --help, ids from the registry: nothing is told twice.
# Where nothing is offered, bash completes names of files.

_trustctl_help() {
	trustctl "$@" --help 2>/dev/null
}

# Commands: lines with two blanks, a name, blanks, a text.
_trustctl_commands() {
	_trustctl_help "$@" | sed -n 's/^  \([a-z][a-z-]*\)  *[^ ].*/\1/p'
}

# Options in their long form.
_trustctl_options() {
	_trustctl_help "$@" | sed -n 's/^ .*\(--[a-z][a-z-]*\) .*/\1/p'
}

# What an option takes ("FILE", "p256|p384"), if anything. $1 is the option,
# the rest the command.
_trustctl_argument() {
	local option=$1

	shift
	case $option in
	-r) echo FILE ;;
	--*) _trustctl_help "$@" |
		sed -n "s/^ .*$option \([^ ][^ ]*\)  .*/\1/p" ;;
	esac
}

# The ids of a kind, in the registry that the line or the environment names.
# Of a million devices a person does not wait for the list.
_trustctl_ids() {
	local -a registry=()
	local i

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-r | --registry) registry=(-r "${COMP_WORDS[i + 1]}") ;;
		esac
	done
	timeout 2 trustctl list "${registry[@]}" "$1" 2>/dev/null |
		sed '1d; s/ .*//'
}

# What can stand after an option that takes $1.
_trustctl_values() {
	case $1 in
	*'|'*) tr '|' '\n' <<<"$1" ;;
	GROUP) _trustctl_ids group ;;
	ROLE) _trustctl_ids role ;;
	ANCHOR) _trustctl_ids anchor ;;
	PURPOSE) printf '%s\n' device upstream bundle ;;
	ROOT) trustctl anchor list --well-known | sed '1d; s/ .*//' ;;
	esac
}

# What can stand as argument number $1, from 0, of a command. $2 is the first
# argument, if there is one.
_trustctl_arguments() {
	local n=$1 first=$2

	shift 2
	case "$*/$n" in
	list/0 | show/0 | remove/0)
		printf '%s\n' device anchor group crl role token gateway
		;;
	show/1 | remove/1) _trustctl_ids "$first" ;;
	'anchor remove/0') _trustctl_ids anchor ;;
	topic/1) printf '%s\n' publish subscribe ;;
	topic/0 | 'device enable/0' | 'device disable/0' | 'device remove/0' | \
		'device seal/0' | 'token create/0')
		_trustctl_ids device
		;;
	esac
}

# Offer the lines of standard input that begin with what was typed. compgen -W
# would expand them.
_trustctl_offer() {
	local typed=$1 word quoted

	COMPREPLY=()
	while read -r word; do
		[[ $word == "$typed"* ]] || continue
		printf -v quoted %q "$word"
		COMPREPLY+=("$quoted")
	done
}

# Whether a command's name comes next, after these words.
_trustctl_wants_command() {
	case "$*" in
	'' | help | anchor | device | edge-ca | est | gateway | pki | token)
		return 0
		;;
	*) return 1 ;;
	esac
}

_trustctl() {
	local typed=${COMP_WORDS[COMP_CWORD]} taken='' word i
	local -a command=() arguments=()

	# `taken` is what the option before a word takes.
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ -n $taken ]]; then
			taken=''
		elif [[ $word == -* ]]; then
			taken=$(_trustctl_argument "$word" "${command[@]}")
		elif _trustctl_wants_command "${command[@]}"; then
			command+=("$word")
		else
			arguments+=("$word")
		fi
	done
	[[ ${command[0]} != help ]] || command=("${command[@]:1}")

	_trustctl_offer "$typed" < <(
		if [[ -n $taken ]]; then
			_trustctl_values "$taken"
		elif [[ $typed == -* ]]; then
			_trustctl_options "${command[@]}"
		elif _trustctl_wants_command "${command[@]}"; then
			_trustctl_commands "${command[@]}"
		else
			_trustctl_arguments "${#arguments[@]}" \
				"${arguments[0]}" "${command[@]}"
		fi
	)
}

complete -o bashdefault -o default -F _trustctl trustctl
