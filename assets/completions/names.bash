
# Names of macros are the database's to know.
_packline_with_names() {
    _packline "$@"
    local before="${COMP_WORDS[*]:1:COMP_CWORD-1}" typed="${COMP_WORDS[COMP_CWORD]//\\/}" name
    if [[ $typed != -* && $before =~ (^|\ )macro\ (set|remove)$ ]]; then
        COMPREPLY=()
        while IFS= read -r name; do
            [[ $name == "$typed"* ]] && COMPREPLY+=("$(printf %q "$name")")
        done < <(packline macro list --names 2>/dev/null)
    fi
}
complete -F _packline_with_names -o bashdefault -o default packline
