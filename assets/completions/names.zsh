
# Names of macros are the database's to know.
_packline_macros() {
    local -a names
    names=("${(@f)$(packline macro list --names 2>/dev/null)}")
    compadd -a names
}
