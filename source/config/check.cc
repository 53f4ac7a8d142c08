#include "source/config/check.h"

#include <memory>
#include <string>

#include "absl/strings/str_join.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/message.h"
#include "google/protobuf/wrappers.pb.h"
#include "pillion/api/check.pb.h"
#include "source/config/extensions.h"
#include "source/config/map_entry.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace pb = google::protobuf;
using pillion::api::FieldCheck;

// A hundred years: fits in nanoseconds, and nobody means more.
constexpr int64_t kLongestDuration = int64_t{100} * 365 * 24 * 3600;

std::string BoundsText(const FieldCheck& check, std::string_view unit) {
  std::string text;
  if (check.has_gt()) text = Concat("more than ", check.gt(), unit);
  if (check.has_gte()) text = Concat("at least ", check.gte(), unit);
  if (check.has_lte()) text += Concat(text.empty() ? "" : " and ", "at most ", check.lte(), unit);
  return text;
}

bool HasBounds(const FieldCheck& check) { return check.has_gt() || check.has_gte() || check.has_lte(); }

bool InBounds(const FieldCheck& check, double value) {
  return (!check.has_gt() || value > check.gt()) && (!check.has_gte() || value >= check.gte()) &&
         (!check.has_lte() || value <= check.lte());
}

class Checker {
 public:
  explicit Checker(ErrorList& errors) : errors_(errors) {}

  void Check(const pb::Message& message, const std::string& path) {
    const pb::Descriptor& type = *message.GetDescriptor();
    if (&type == pb::Any::descriptor()) {
      if (anys_ == kMostNestedAnys) return errors_.Add(path, Concat("more than ", kMostNestedAnys, " Anys in one another"));
      ++anys_;
      const auto held = UnpackExtension(static_cast<const pb::Any&>(message));
      if (held != nullptr) Check(*held, path);
      --anys_;
      return;
    }
    for (int i = 0; i < type.field_count(); ++i) CheckField(message, *type.field(i), path);
    for (int i = 0; i < type.real_oneof_decl_count(); ++i) CheckOneof(message, *type.oneof_decl(i), path);
  }

 private:
  void CheckOneof(const pb::Message& message, const pb::OneofDescriptor& oneof, const std::string& path) {
    if (!oneof.options().GetExtension(pillion::api::member_required)) return;
    if (message.GetReflection()->HasOneof(message, &oneof)) return;
    std::vector<std::string> names;
    for (int i = 0; i < oneof.field_count(); ++i) names.push_back(oneof.field(i)->name());
    if (names.size() == 1) return errors_.AddMissing(path, FieldPath(path, names[0]), "missing, but required");
    for (const std::string& name : names) {
      if (errors_.AnyBelow(FieldPath(path, name))) return;
    }
    errors_.AddMissing(path, path, Concat("one of ", absl::StrJoin(names, ", "), " is required"));
  }

  void CheckField(const pb::Message& message, const pb::FieldDescriptor& field, const std::string& parent) {
    const pb::Reflection& reflection = *message.GetReflection();
    const FieldCheck& check = field.options().GetExtension(pillion::api::check);
    // Most fields of most messages are not set, and need no path.
    const auto path = [&] { return FieldPath(parent, field.name()); };
    if (field.is_repeated()) {
      const int size = reflection.FieldSize(message, &field);
      if (size == 0) {
        if (check.required()) errors_.AddMissing(parent, path(), "empty, but required");
        return;
      }
      const std::string whole = path();
      if (field.is_map()) return CheckMap(message, field, whole);
      for (int i = 0; i < size; ++i) CheckValue(message, field, check, i, ElementPath(whole, i));
      return;
    }
    const bool set = reflection.HasField(message, &field);  // of a plain scalar: it is not zero
    if (check.required() && !set && field.real_containing_oneof() == nullptr) {
      return errors_.AddMissing(parent, path(), "missing, but required");
    }
    if (!set && (field.has_presence() || !HasBounds(check))) return;
    CheckValue(message, field, check, -1, path());
  }

  void CheckMap(const pb::Message& message, const pb::FieldDescriptor& field, const std::string& path) {
    const pb::FieldDescriptor& value = *field.message_type()->map_value();
    const bool is_enum = value.cpp_type() == pb::FieldDescriptor::CPPTYPE_ENUM;
    if (value.cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE && !is_enum) return;
    const pb::Reflection& reflection = *message.GetReflection();
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      const pb::Message& entry = reflection.GetRepeatedMessage(message, &field, i);
      if (is_enum) {
        CheckEnum(*value.enum_type(), entry.GetReflection()->GetEnumValue(entry, &value), path);
        continue;
      }
      Check(entry.GetReflection()->GetMessage(entry, &value), EntryPath(path, entry));
    }
  }

  // The value of a singular field (index -1) or one element of a repeated one.
  void CheckValue(const pb::Message& message, const pb::FieldDescriptor& field, const FieldCheck& check, int index,
                  const std::string& path) {
    const pb::Reflection& r = *message.GetReflection();
    switch (field.cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_MESSAGE: {
        const pb::Message& part =
            index < 0 ? r.GetMessage(message, &field) : r.GetRepeatedMessage(message, &field, index);
        return CheckPart(part, check, path);
      }
      case pb::FieldDescriptor::CPPTYPE_UINT32:
        return CheckNumber(index < 0 ? r.GetUInt32(message, &field) : r.GetRepeatedUInt32(message, &field, index),
                           check, path);
      case pb::FieldDescriptor::CPPTYPE_UINT64:
        return CheckNumber(static_cast<double>(index < 0 ? r.GetUInt64(message, &field)
                                                         : r.GetRepeatedUInt64(message, &field, index)),
                           check, path);
      case pb::FieldDescriptor::CPPTYPE_DOUBLE:
        return CheckNumber(index < 0 ? r.GetDouble(message, &field) : r.GetRepeatedDouble(message, &field, index),
                           check, path);
      case pb::FieldDescriptor::CPPTYPE_FLOAT:
        return CheckNumber(index < 0 ? r.GetFloat(message, &field) : r.GetRepeatedFloat(message, &field, index), check,
                           path);
      case pb::FieldDescriptor::CPPTYPE_STRING:
        return CheckText(index < 0 ? r.GetString(message, &field) : r.GetRepeatedString(message, &field, index),
                         check, path);
      case pb::FieldDescriptor::CPPTYPE_ENUM:
        return CheckEnum(*field.enum_type(),
                         index < 0 ? r.GetEnumValue(message, &field) : r.GetRepeatedEnumValue(message, &field, index),
                         path);
      default:
        return;
    }
  }

  // Bytes may have any number.
  void CheckEnum(const pb::EnumDescriptor& type, int value, const std::string& path) {
    if (type.FindValueByNumber(value) != nullptr) return;
    std::vector<std::string> names;
    for (int i = 0; i < type.value_count(); ++i) names.push_back(type.value(i)->name());
    errors_.Add(path, Concat(value, ", expected one of ", absl::StrJoin(names, ", ")));
  }

  void CheckPart(const pb::Message& part, const FieldCheck& check, const std::string& path) {
    switch (part.GetDescriptor()->well_known_type()) {
      case pb::Descriptor::WELLKNOWNTYPE_DURATION:
        return CheckDuration(static_cast<const pb::Duration&>(part), check, path);
      case pb::Descriptor::WELLKNOWNTYPE_UINT32VALUE:
        return CheckNumber(static_cast<const pb::UInt32Value&>(part).value(), check, path);
      case pb::Descriptor::WELLKNOWNTYPE_DOUBLEVALUE:
        return CheckNumber(static_cast<const pb::DoubleValue&>(part).value(), check, path);
      case pb::Descriptor::WELLKNOWNTYPE_UINT64VALUE:
        return CheckNumber(static_cast<const pb::UInt64Value&>(part).value(), check, path);
      case pb::Descriptor::WELLKNOWNTYPE_STRUCT:
      case pb::Descriptor::WELLKNOWNTYPE_BOOLVALUE:
        return;
      default:
        return Check(part, path);
    }
  }

  void CheckDuration(const pb::Duration& duration, const FieldCheck& check, const std::string& path) {
    if (errors_.AnyBelow(path)) return;  // what stands there could not be read
    const double seconds = static_cast<double>(duration.seconds()) + duration.nanos() / 1e9;
    if (duration.seconds() < 0 || duration.nanos() < 0 || duration.nanos() > 999999999) {
      FieldCheck none_negative = check;
      if (!check.has_gt() && !check.has_gte()) none_negative.set_gte(0);
      return errors_.Add(path, Concat(seconds, "s, expected ", BoundsText(none_negative, "s")));
    }
    if (duration.seconds() > kLongestDuration) {
      return errors_.Add(path, Concat(duration.seconds(), "s, expected at most ", kLongestDuration, "s"));
    }
    if (!InBounds(check, seconds)) errors_.Add(path, Concat(seconds, "s, expected ", BoundsText(check, "s")));
  }

  void CheckNumber(double value, const FieldCheck& check, const std::string& path) {
    if (errors_.AnyBelow(path)) return;  // what stands there could not be read
    if (!InBounds(check, value)) errors_.Add(path, Concat(value, ", expected ", BoundsText(check, "")));
  }

  void CheckText(const std::string& text, const FieldCheck& check, const std::string& path) {
    if (check.required() && text.empty()) errors_.AddMissing(path, path, "empty, but required");
    if (check.header_safe() && text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      errors_.Add(path, Concat(Quote(text), ", expected no CR, LF or NUL"));
    }
  }

  ErrorList& errors_;
  int anys_ = 0;  // that hold what is looked at
};

}  // namespace

void CheckConstraints(const pb::Message& message, ErrorList& errors, const std::string& path) {
  Checker(errors).Check(message, path);
}

}  // namespace pillion::config
