#include "source/config/check_regexes.h"

#include <vector>

#include "envoy/type/matcher/v3/matcher.pb.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/message.h"
#include "source/config/extensions.h"
#include "source/config/text.h"
#include "source/match/regex.h"

namespace pillion::config {
namespace {

namespace pb = google::protobuf;
using envoy::type::matcher::v3::RegexMatcher;

class Walk {
 public:
  explicit Walk(ErrorList& errors) : errors_(errors) {}

  void Look(const pb::Message& message, const std::string& path) {
    if (message.GetDescriptor() == RegexMatcher::descriptor()) {
      const std::string& pattern = static_cast<const RegexMatcher&>(message).regex();
      const absl::Status status = match::Regex::Compile(pattern).status();
      if (!status.ok()) errors_.Add(FieldPath(path, "regex"), RegexError(pattern, status));
      return;
    }
    if (message.GetDescriptor() == pb::Any::descriptor()) {
      if (anys_ == kMostNestedAnys) return;  // which was said
      ++anys_;
      const auto held = UnpackExtension(static_cast<const pb::Any&>(message));
      if (held != nullptr) Look(*held, path);
      --anys_;
      return;
    }
    const pb::Reflection& reflection = *message.GetReflection();
    std::vector<const pb::FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const pb::FieldDescriptor* field : fields) {
      if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) continue;
      const std::string place = FieldPath(path, field->name());
      if (field->is_map()) {
        LookInMap(message, *field, place);
      } else if (!field->is_repeated()) {
        Look(reflection.GetMessage(message, field), place);
      } else {
        for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
          Look(reflection.GetRepeatedMessage(message, field, i), ElementPath(place, i));
        }
      }
    }
  }

 private:
  void LookInMap(const pb::Message& message, const pb::FieldDescriptor& field, const std::string& path) {
    const pb::FieldDescriptor& key = *field.message_type()->map_key();
    const pb::FieldDescriptor& value = *field.message_type()->map_value();
    const bool by_name = key.cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING;
    if (!by_name || value.cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) return;
    for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
      const pb::Message& entry = message.GetReflection()->GetRepeatedMessage(message, &field, i);
      const pb::Reflection& reflection = *entry.GetReflection();
      Look(reflection.GetMessage(entry, &value), KeyPath(path, reflection.GetString(entry, &key)));
    }
  }

  ErrorList& errors_;
  int anys_ = 0;  // that hold what is looked at
};

}  // namespace

std::string RegexError(const std::string& pattern, const absl::Status& status) {
  const absl::string_view error = status.message();
  return Concat(Quote(pattern), ": ", std::string_view(error.data(), error.size()));
}

void CheckRegexes(const pb::Message& message, ErrorList& errors, const std::string& path) {
  Walk(errors).Look(message, path);
}

}  // namespace pillion::config
