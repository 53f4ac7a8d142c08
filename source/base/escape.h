#pragma once

// Making bytes of unknown origin fit to be shown: in JSON, in a line of a log, in a text for a terminal.
// Pure functions; they append and never clear, so a caller that reuses its string allocates nothing once it is
// warm.

#include <cstddef>
#include <string>
#include <string_view>

namespace pillion::base {

// Appends `text` as a JSON string with its quotes. What is not valid UTF-8 becomes U+FFFD; `<`, `>` and `&` are
// written as \u00xx, so that the result may stand inside HTML.
void AppendJsonString(std::string& out, std::string_view text);
// The same without the quotes: a part of a longer JSON string. No UTF-8 sequence goes on from part to part.
void AppendJsonPart(std::string& out, std::string_view text);

// Appends `text` with every control byte as \n, \r, \t or \xNN and a quote or backslash behind a backslash: what
// comes out is one line, ends no quoted field and moves no terminal's cursor. Bytes from 0x80 on are kept where
// they are valid UTF-8 outside U+0080..U+009F, else escaped.
void AppendPrintable(std::string& out, std::string_view text);

// Appends `text` as one line of a log: as AppendPrintable(), but quotes and backslashes stay; "..." stands for what is
// behind the first `most` bytes.
void AppendLine(std::string& out, std::string_view text, size_t most);

// What of `text` is within `most` bytes, without a part of a UTF-8 sequence at its end.
std::string_view CutUtf8(std::string_view text, size_t most);

// The length in bytes of the valid UTF-8 sequence at the start of `text` (1 to 4), or 0.
size_t Utf8Length(std::string_view text);

}  // namespace pillion::base
