#compdef wedge
# Completion of wedge for zsh. To load it, behind compinit: source <(wedge completion zsh)

_wedge() {
	local line files=0 word
	local -a found
	while IFS= read -r line; do
		if [[ $line == :file ]]; then
			files=1
		else
			word=${line%%$'\t'*}
			found+=("${word//:/\\:}:${line#*$'\t'}")
		fi
	done < <("${words[1]}" __complete zsh "${(@)words[2,CURRENT]}" 2>/dev/null)
	(( ${#found} )) && _describe -t wedge 'wedge' found
	(( files )) && _files
}

if [[ ${funcstack[1]} == _wedge ]]; then
	_wedge "$@"
else
	compdef _wedge wedge
fi
