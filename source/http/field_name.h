#pragma once

// The name of a field as configurations write it, looked up in heads: what matchers, hash policies and format strings
// ask for. ":method", ":path", ":authority" ("host" is the same), ":scheme" and ":status" are parts of the model.
// Immutable; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "source/http/message.h"

namespace pillion::http {

class FieldName {
 public:
  // In any case. Use IsFieldName() before, for what was not checked otherwise.
  explicit FieldName(std::string_view name);

  // A token, or a colon and a token.
  static bool IsFieldName(std::string_view name);

  const std::string& text() const { return text_; }  // in lower case
  HeaderId id() const { return id_; }
  bool is_pseudo() const { return part_ != Part::kField; }

  // The value of the first field of that name. The views live as long as the head.
  std::optional<std::string_view> First(const HeaderMap& headers) const;
  std::optional<std::string_view> First(const RequestHead& head) const;
  std::optional<std::string_view> First(const ResponseHead& head) const;

  // The values of all, joined by commas (RFC 9110, 5.3).
  std::optional<std::string_view> All(const HeaderMap& headers) const;
  std::optional<std::string_view> All(const RequestHead& head) const;
  std::optional<std::string_view> All(const ResponseHead& head) const;

  // The field is one of that name; never for a part of the model.
  bool Is(const HeaderField& field) const {
    return field.id == id_ && (id_ != HeaderId::kUnknown || (!is_pseudo() && field.name() == text_));
  }

 private:
  enum class Part : uint8_t { kField, kMethod, kPath, kAuthority, kScheme, kStatus, kOther };

  std::optional<std::string_view> PartOf(const RequestHead& head) const;

  std::string text_;
  HeaderId id_;
  Part part_;
};

}  // namespace pillion::http
