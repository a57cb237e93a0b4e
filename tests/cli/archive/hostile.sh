#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# hostile - archives that nobody should send: each is refused with one line
. "${top_srcdir:?}/tests/cli/lib.sh"
. "$top_srcdir/tests/cli/archive/lib.sh"

"$tools/mkmodel" layers=1 width=64 heads=2 kv=1 ffn=64 vocab=64 m.gguf
printf 'outside' >outside

# tar NAME WANT [ITEM...]: a good model, then a member of that name
bad_name() {
    mk tar bad.tar n=m.gguf d=m.gguf . "n=$1" d=outside
    refuse bad.tar "$2"
    mk zip bad.zip n=m.gguf d=m.gguf . "n=$1" d=outside
    refuse bad.zip "$2"
}

# ---- names
bad_name ../outside 'has the part ".."'
bad_name a/../../outside 'has the part ".."'
bad_name a/./b 'has the part "."'
bad_name /etc/passwd 'is absolute'
bad_name 'C:/windows/x' 'has a drive letter'
bad_name 'c:x' 'has a drive letter'
bad_name 'a\134b' 'has a backslash'
bad_name 'a//b' 'has an empty part'
bad_name 'a\033[31mb' 'has control characters'
bad_name 'a\012b' 'has control characters'
bad_name 'a\302\205b' 'has control characters'
bad_name 'a\377b' 'UTF-8'
bad_name 'a\300\257b' 'UTF-8'
bad_name m.gguf 'is there twice'
bad_name M.GGUF 'is there twice'
bad_name 'a/' ''

# ---- what is no plain file
mk tar bad.tar n=m.gguf d=m.gguf . n=l type=2 link=/etc . n=l/passwd d=outside
refuse bad.tar 'is a symbolic link'
mk tar bad.tar n=m.gguf type=2 link=../../outside
refuse bad.tar 'is a symbolic link'
mk tar bad.tar n=m.gguf d=m.gguf . n=h type=1 link=/etc/passwd
refuse bad.tar 'is a hard link'
mk tar bad.tar n=m.gguf d=m.gguf . n=h type=1 link=m.gguf
refuse bad.tar 'is a hard link'
for type in 3 4 6; do
    mk tar bad.tar n=m.gguf d=m.gguf . n=dev type=$type
    refuse bad.tar 'is a device, fifo or socket'
done
mk zip bad.zip n=m.gguf d=m.gguf . n=l d=outside mode=120777
refuse bad.zip 'is a link or device'

# ---- an extra field that says to be longer than it is
tail -c +2 "$top_srcdir/tests/fuzz/corpus/archive/zip64-extra-lies" >bad.zip
expect 65 timeout 60 sov-verify bad.zip
err_has 'has another size'

# ---- what a zip file says twice
mk zip bad.zip n=m.gguf d=m.gguf . n=a d=outside dirname=b
refuse bad.zip 'is not there'
mk zip bad.zip n=m.gguf d=m.gguf . n=a d=outside nodir=1
refuse bad.zip 'is missing'
mk zip bad.zip n=m.gguf d=m.gguf dirsize=5
refuse bad.zip 'has another size'
mk zip bad.zip n=m.gguf d=m.gguf size=5
refuse bad.zip ''
mk zip bad.zip n=m.gguf d=m.gguf . n=config.json d=outside size=5
refuse bad.zip 'size'
mk zip bad.zip n=config.json zeros=1000 size=999 . n=m.gguf d=m.gguf
refuse bad.zip 'size'
mk zip bad.zip n=m.gguf d=m.gguf crc=5
refuse bad.zip 'CRC'
mk zip bad.zip n=m.gguf d=m.gguf . n=a zeros=100000 size=70
refuse bad.zip ''
mk zip bad.zip n=m.gguf d=m.gguf flags=1
refuse bad.zip 'is encrypted'
mk zip bad.zip n=m.gguf d=m.gguf method=12
refuse bad.zip 'method other than deflate'
mk zip bad.zip n=m.gguf d=m.gguf
printf x >>bad.zip
refuse bad.zip 'bytes follow its end'

# ---- sizes that are not so
mk tar bad.tar n=m.gguf d=m.gguf size=100000000 noend=1
refuse bad.tar ''
mk tar bad.tar n=m.gguf d=m.gguf noend=1
refuse bad.tar 'the end mark of the archive is missing'
mk tar bad.tar n=m.gguf d=m.gguf . n=x type=x d=outside
refuse bad.tar ''

# ---- something behind the last part of what is compressed; zeros are padding
mk tar m.tar n=m.gguf d=m.gguf
for f in m.gguf m.tar; do
    mk gz one.gz d=$f
    cp one.gz good.gz
    head -c 100000 /dev/zero >>good.gz
    accept good.gz m.gguf
    for last in x '\037\213' '\037\213\010'; do
        # shellcheck disable=SC2059
        { cat one.gz; printf "$last"; } >bad.gz
        refuse bad.gz ''
    done
    { cat good.gz; printf x; } >bad.gz
    refuse bad.gz 'behind the end of what is compressed'
    { cat one.gz; echo '#!/bin/sh'; } >bad.gz
    refuse bad.gz 'behind the end of what is compressed'
    for tool in bzip2 xz zstd; do
        command -v $tool >/dev/null || continue
        { $tool -q -c $f; head -c 300 "$tale/README.md"; } >bad.packed
        refuse bad.packed ''
    done
done
rm -f m.tar one.gz good.gz bad.packed

# ---- no model, two models, a model in an archive in an archive
mk tar bad.tar
refuse bad.tar 'starts with zeros'
mk gz bad.tar.gz d=bad.tar
refuse bad.tar.gz 'the archive is empty'
mk tar bad.tar n=README d=outside
refuse bad.tar 'no model in this archive'
mk tar bad.tar n=pytorch_model.bin d=outside
refuse bad.tar 'pickles'
mk tar bad.tar n=a.gguf d=m.gguf . n=b/b.gguf d=m.gguf
refuse bad.tar 'has two models, a.gguf and b/b.gguf'
mk gz bad.tar.gz d=bad.tar
refuse bad.tar.gz 'has two models, a.gguf and b/b.gguf'
mk tar inner.tar n=m.gguf d=m.gguf
mk tar bad.tar n=inner.tar d=inner.tar
refuse bad.tar 'archives in it are not opened'
mk gz inner.gz d=m.gguf
mk gz bad.gz d=inner.gz
refuse bad.gz 'gzip data'
rm -f inner.* bad.*

# ---- what is good although it looks odd
mk tar good.tar n=m.gguf d=m.gguf mode=7777 mtime=-99999
accept good.tar m.gguf
mk tar good.tar n=./ type=5 . n=./m.gguf d=m.gguf . n=a/ type=5 . n=a/ type=5
accept good.tar m.gguf
mk tar good.tar n=._m.gguf d=outside . n=m.gguf d=m.gguf
accept good.tar m.gguf
# A tar whose first member is called as a GGUF file begins
mk tar good.tar n=GGUF-model.gguf d=m.gguf
accept good.tar m.gguf
mk zip good.zip n=x/m.gguf d=m.gguf . n=x/README d=outside
accept good.zip m.gguf
mk gz good.gz d=m.gguf
accept good.gz m.gguf
only_files tmp m.gguf outside good.tar good.zip good.gz
