# Completion of wedge for fish. To load it: wedge completion fish > ~/.config/fish/completions/wedge.fish

function __wedge_complete
	set -l words (commandline -opc)
	set -l current (commandline -ct)
	for line in ($words[1] __complete fish $words[2..] "$current" 2>/dev/null)
		if test "$line" = :file
			__fish_complete_path "$current"
		else
			echo $line
		end
	end
end

complete -c wedge -f -a '(__wedge_complete)'
