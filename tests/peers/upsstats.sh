# upsstats.cgi, the status page of NUT, as a web server calls it: HOST PORT.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ups=lab@$1:$2
printf 'MONITOR %s "The lab"\n' "$ups" >"$work/hosts.conf"
cp /etc/nut/upsstats.html /etc/nut/upsstats-single.html "$work"
export NUT_CONFPATH="$work" REQUEST_METHOD=GET
for query in "host=$ups" "host=$ups&treemode"; do
    page=$(QUERY_STRING="$query" /usr/lib/cgi-bin/nut/upsstats.cgi)
    for text in 'The lab' '230.1'; do
        case $page in
        *"$text"*) ;;
        *)
            echo "the page for '$query' does not say '$text': $page" >&2
            exit 1
            ;;
        esac
    done
done
