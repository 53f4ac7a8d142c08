#include "source/http/field_name.h"

#include <charconv>

#include "source/base/arena.h"
#include "source/http/syntax.h"

namespace pillion::http {
namespace {

std::optional<std::string_view> TextOrNothing(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

std::string_view StatusText(const ResponseHead& head) {
  char text[4];
  const auto end = std::to_chars(text, text + sizeof text, head.status).ptr;
  return head.headers.arena().Copy({text, static_cast<size_t>(end - text)});
}

}  // namespace

FieldName::FieldName(std::string_view name) : text_(name.size(), '\0'), part_(Part::kField) {
  CopyLowerCase(name, text_.data());
  if (text_.starts_with(':')) {
    part_ = text_ == ":method"      ? Part::kMethod
            : text_ == ":path"      ? Part::kPath
            : text_ == ":authority" ? Part::kAuthority
            : text_ == ":scheme"    ? Part::kScheme
            : text_ == ":status"    ? Part::kStatus
                                    : Part::kOther;
  } else if (text_ == "host") {
    part_ = Part::kAuthority;
  }
  id_ = part_ == Part::kField ? FindHeaderId(text_) : HeaderId::kUnknown;
}

bool FieldName::IsFieldName(std::string_view name) { return IsToken(name.substr(name.starts_with(':') ? 1 : 0)); }

std::optional<std::string_view> FieldName::First(const HeaderMap& headers) const {
  if (part_ != Part::kField) return std::nullopt;
  const HeaderField* field = id_ != HeaderId::kUnknown ? headers.Find(id_) : headers.Find(text_);
  return field == nullptr ? std::nullopt : std::optional(field->value());
}

std::optional<std::string_view> FieldName::PartOf(const RequestHead& head) const {
  switch (part_) {
    case Part::kMethod:
      return head.method;
    case Part::kPath:
      return TextOrNothing(head.path);
    case Part::kAuthority:
      return TextOrNothing(head.authority);
    case Part::kScheme:
      return TextOrNothing(head.scheme);
    case Part::kField:
    case Part::kStatus:
    case Part::kOther:
      break;
  }
  return std::nullopt;
}

std::optional<std::string_view> FieldName::First(const RequestHead& head) const {
  return part_ == Part::kField ? First(head.headers) : PartOf(head);
}

std::optional<std::string_view> FieldName::First(const ResponseHead& head) const {
  return part_ == Part::kStatus ? StatusText(head) : First(head.headers);
}

std::optional<std::string_view> FieldName::All(const HeaderMap& headers) const {
  std::optional<std::string_view> first = First(headers);
  if (!first) return first;
  size_t count = 0;
  for (const HeaderField& field : headers) count += Is(field);
  if (count == 1) return first;
  base::ArenaText joined;
  for (const HeaderField& field : headers) {
    if (!Is(field)) continue;
    joined.Append(headers.arena(), field.value());
    if (--count > 0) joined.Append(headers.arena(), ",");
  }
  return joined.view();
}

std::optional<std::string_view> FieldName::All(const RequestHead& head) const {
  return part_ == Part::kField ? All(head.headers) : PartOf(head);
}

std::optional<std::string_view> FieldName::All(const ResponseHead& head) const {
  return part_ == Part::kStatus ? StatusText(head) : All(head.headers);
}

}  // namespace pillion::http
