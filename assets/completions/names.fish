
# Names of macros are the database's to know.
complete -c packline -n "__fish_packline_using_subcommand macro; and __fish_seen_subcommand_from set remove" -f -a "(packline macro list --names 2>/dev/null)"
