#include "source/config/decode.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <system_error>

#include "absl/strings/numbers.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/message.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/wrappers.pb.h"
#include "source/config/dump.h"
#include "source/config/extensions.h"
#include "source/config/nearest.h"
#include "source/config/optional.h"
#include "source/config/scalar.h"
#include "source/config/text.h"
#include "source/config/unknown.h"
#include "source/expression/time.h"

namespace pillion::config {
namespace {

namespace pb = google::protobuf;

constexpr std::string_view kTypeKey = "@type";
constexpr std::string_view kMayBeEmpty = "envoy.config.route.v3.FilterConfig.config";  // the filter is enabled as it is

// Each level of free data is three of the hundred that protobuf's parser goes down.
constexpr int kMaxFreeDepth = 24;

std::string Describe(const TreeNode& node) {
  switch (node.kind) {
    case TreeNode::Kind::kNull:
      return "null";
    case TreeNode::Kind::kScalar:
      return Quote(node.text);
    case TreeNode::Kind::kList:
      return "a list";
    case TreeNode::Kind::kMap:
      return "a map";
  }
  return "";
}

// For who writes the mode of a file as everybody does.
std::string OctalHint(std::string_view text) {
  const std::string_view digits = text.substr(std::min<size_t>(text.size(), text.starts_with("0o") ? 2 : 1));
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 8);
  if (!text.starts_with('0') || error != std::errc() || end != digits.data() + digits.size()) return "";
  return Concat("; octal ", text, " is ", value);
}

bool IsWrapper(const pb::Descriptor& type) {
  switch (type.well_known_type()) {
    case pb::Descriptor::WELLKNOWNTYPE_DOUBLEVALUE:
    case pb::Descriptor::WELLKNOWNTYPE_FLOATVALUE:
    case pb::Descriptor::WELLKNOWNTYPE_INT64VALUE:
    case pb::Descriptor::WELLKNOWNTYPE_UINT64VALUE:
    case pb::Descriptor::WELLKNOWNTYPE_INT32VALUE:
    case pb::Descriptor::WELLKNOWNTYPE_UINT32VALUE:
    case pb::Descriptor::WELLKNOWNTYPE_STRINGVALUE:
    case pb::Descriptor::WELLKNOWNTYPE_BYTESVALUE:
    case pb::Descriptor::WELLKNOWNTYPE_BOOLVALUE:
      return true;
    default:
      return false;
  }
}

// JSON writes its only value as null.
bool IsNull(const pb::FieldDescriptor& field) {
  const bool is_enum = field.cpp_type() == pb::FieldDescriptor::CPPTYPE_ENUM;
  return is_enum && field.enum_type()->full_name() == "google.protobuf.NullValue";
}

// Written as one scalar.
bool IsScalar(const pb::Descriptor& type) {
  return IsWrapper(type) || type.well_known_type() == pb::Descriptor::WELLKNOWNTYPE_DURATION ||
         type.well_known_type() == pb::Descriptor::WELLKNOWNTYPE_TIMESTAMP;
}

// With its fields, where they are few: for who writes what one of them holds in the place of the message.
std::string AMapOf(const pb::Descriptor& type) {
  constexpr int kMost = 6;
  std::string text = "a map";
  for (int i = 0; i < type.field_count() && type.field_count() <= kMost; ++i) {
    text += Concat(i == 0 ? " of " : ", ", type.field(i)->name());
  }
  return text;
}

// A TypedStruct holds the fields of another type's message as free data: which type, and the data. They are those of that
// type's Any.
struct TypedStruct {
  const TreeNode* url = nullptr;
  const TreeNode* value = nullptr;
};

class Decoder {
 public:
  Decoder(const UnknownRule& unknown, ErrorList& errors, std::vector<ConfigError>& notes)
      : unknown_(unknown), errors_(errors), notes_(notes) {}

  void DecodeMessage(const TreeNode& node, pb::Message& message, const std::string& path);

 private:
  void Expected(const TreeNode& node, const std::string& path, std::string_view expected) {
    const bool hides = hidden_ > 0 && node.kind == TreeNode::Kind::kScalar;
    errors_.AddUnreadable(path, Concat(hides ? kRedacted : Describe(node), ", expected ", expected), node.line);
  }

  // True if `key` is new in its map.
  bool FirstOf(const TreeNode::Member& member, std::map<std::string_view, int>& seen, const std::string& path) {
    const auto [at, first] = seen.emplace(member.key, member.line);
    if (!first)
      errors_.Add(path, Concat("duplicate key ", Quote(member.key), ", first in line ", at->second), member.line);
    return first;
  }

  void DecodeFields(const TreeNode& node, pb::Message& message, const std::string& path, bool is_any);
  void DecodeField(const TreeNode& node, pb::Message& message, const pb::FieldDescriptor& field,
                   const std::string& path);
  void DecodeElements(const TreeNode& node, pb::Message& message, const pb::FieldDescriptor& field,
                      const std::string& path);
  void SetKey(const TreeNode::Member& member, pb::Message& entry, const pb::FieldDescriptor& key, const std::string& path);
  void DecodeMap(const TreeNode& node, pb::Message& message, const pb::FieldDescriptor& field,
                 const std::string& path);
  // Into a singular field, or as a further element of a repeated one.
  void DecodeValue(const TreeNode& node, pb::Message& message, const pb::FieldDescriptor& field,
                   const std::string& path);
  void DecodeEnum(const TreeNode& node, pb::Message& message, const pb::FieldDescriptor& field,
                  const std::string& path);
  void DecodeAny(const TreeNode& node, pb::Any& any, const std::string& path);
  std::optional<TypedStruct> DecodeTypedStruct(const TreeNode& node, const std::string& path);
  void DecodeDuration(const TreeNode& node, pb::Duration& duration, const std::string& path);
  void DecodeTimestamp(const TreeNode& node, pb::Timestamp& time, const std::string& path);
  void DecodeStruct(const TreeNode& node, pb::Struct& fields, const std::string& path);
  void DecodeFreeMap(const TreeNode& node, pb::Struct& fields, const std::string& path, int depth);
  void DecodeFreeValue(const TreeNode& node, pb::Value& value, const std::string& path, int depth);

  const UnknownRule& unknown_;
  ErrorList& errors_;
  std::vector<ConfigError>& notes_;
  int hidden_ = 0;         // fields around this one that nobody shall see
  bool optional_ = false;  // whether the Any in this one may be passed over
};

void Decoder::DecodeMessage(const TreeNode& node, pb::Message& message, const std::string& path) {
  const pb::Descriptor& type = *message.GetDescriptor();
  if (IsWrapper(type)) return DecodeValue(node, message, *type.field(0), path);
  switch (type.well_known_type()) {
    case pb::Descriptor::WELLKNOWNTYPE_ANY:
      return DecodeAny(node, static_cast<pb::Any&>(message), path);
    case pb::Descriptor::WELLKNOWNTYPE_DURATION:
      return DecodeDuration(node, static_cast<pb::Duration&>(message), path);
    case pb::Descriptor::WELLKNOWNTYPE_TIMESTAMP:
      return DecodeTimestamp(node, static_cast<pb::Timestamp&>(message), path);
    case pb::Descriptor::WELLKNOWNTYPE_STRUCT:
      return DecodeStruct(node, static_cast<pb::Struct&>(message), path);
    case pb::Descriptor::WELLKNOWNTYPE_VALUE:
      return DecodeFreeValue(node, static_cast<pb::Value&>(message), path, 1);
    default:
      break;
  }
  if (node.kind != TreeNode::Kind::kMap) return Expected(node, path, AMapOf(type));
  DecodeFields(node, message, path, false);
}

void Decoder::DecodeFields(const TreeNode& node, pb::Message& message, const std::string& path, bool is_any) {
  const pb::Descriptor& type = *message.GetDescriptor();
  std::map<std::string_view, int> keys;
  std::set<const pb::FieldDescriptor*> fields;
  for (const TreeNode::Member& member : node.members) {
    if (!FirstOf(member, keys, path) || (is_any && member.key == kTypeKey)) continue;
    const pb::FieldDescriptor* field = type.FindFieldByName(member.key);
    if (field == nullptr) field = type.FindFieldByCamelcaseName(member.key);
    if (field == nullptr) {
      const std::string name = SnakeCase(member.key);
      if (JudgeUnknownField(unknown_, type.full_name(), name, 0, path, member.line, errors_, notes_)) continue;
      std::vector<std::string_view> known;
      for (int i = 0; i < type.field_count(); ++i) known.push_back(type.field(i)->name());
      errors_.Add(path, Concat("unknown field ", Quote(member.key), DidYouMeanField(name, known)), member.line);
      continue;
    }
    if (!fields.insert(field).second) {
      errors_.Add(path, Concat("duplicate key ", Quote(member.key), ", another spelling of ", field->name()), member.line);
      continue;
    }
    const bool is_null = member.value->kind == TreeNode::Kind::kNull;
    if (is_null && !IsNull(*field)) continue;  // as if it were not there
    const pb::OneofDescriptor* oneof = field->real_containing_oneof();
    const pb::Reflection& reflection = *message.GetReflection();
    if (oneof != nullptr && reflection.HasOneof(message, oneof)) {
      const pb::FieldDescriptor* other = reflection.GetOneofFieldDescriptor(message, oneof);
      errors_.Add(path, Concat(other->name(), " and ", field->name(), " exclude each other"), member.line);
      continue;
    }
    optional_ = IsOptional(node, type, *field);  // each message says it of its own fields
    DecodeField(*member.value, message, *field, FieldPath(path, field->name()));
  }
}

void Decoder::DecodeField(const TreeNode& node, pb::Message& message, const pb::FieldDescriptor& field,
                          const std::string& path) {
  const bool hides = IsSecret(field);
  hidden_ += hides;
  DecodeElements(node, message, field, path);
  hidden_ -= hides;
}

void Decoder::DecodeElements(const TreeNode& node, pb::Message& message, const pb::FieldDescriptor& field,
                             const std::string& path) {
  if (field.is_map()) return DecodeMap(node, message, field, path);
  if (!field.is_repeated()) return DecodeValue(node, message, field, path);
  if (node.kind != TreeNode::Kind::kList) {
    const bool is_message = field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
    if (node.kind == TreeNode::Kind::kMap && !is_message) return Expected(node, path, "a list");
    if (node.kind == TreeNode::Kind::kScalar && is_message && !IsScalar(*field.message_type())) {
      return Expected(node, path, "a list");
    }
    return DecodeValue(node, message, field, ElementPath(path, 0));
  }
  for (size_t i = 0; i < node.elements.size(); ++i) {
    DecodeValue(*node.elements[i], message, field, ElementPath(path, i));
  }
}

void Decoder::DecodeMap(const TreeNode& node, pb::Message& message, const pb::FieldDescriptor& field,
                        const std::string& path) {
  if (node.kind != TreeNode::Kind::kMap) return Expected(node, path, "a map");
  std::map<std::string_view, int> keys;
  for (const TreeNode::Member& member : node.members) {
    if (!FirstOf(member, keys, path)) continue;
    pb::Message& entry = *message.GetReflection()->AddMessage(&message, &field);
    SetKey(member, entry, *field.message_type()->map_key(), path);
    DecodeValue(*member.value, entry, *field.message_type()->map_value(), KeyPath(path, member.key));
  }
}

void Decoder::SetKey(const TreeNode::Member& member, pb::Message& entry, const pb::FieldDescriptor& key,
                     const std::string& path) {
  if (key.cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING) {
    entry.GetReflection()->SetString(&entry, &key, member.key);
    return;
  }
  // Of all others the API has these kinds only.
  const bool is_long = key.cpp_type() == pb::FieldDescriptor::CPPTYPE_INT64;
  uint32_t number = 0;
  int64_t long_number = 0;
  if (!(is_long ? absl::SimpleAtoi(member.key, &long_number) : absl::SimpleAtoi(member.key, &number))) {
    errors_.Add(path, Concat("the key ", Quote(member.key), ", expected a whole number"), member.line);
    return;
  }
  if (is_long) return entry.GetReflection()->SetInt64(&entry, &key, long_number);
  entry.GetReflection()->SetUInt32(&entry, &key, number);
}

void Decoder::DecodeValue(const TreeNode& node, pb::Message& message, const pb::FieldDescriptor& field,
                          const std::string& path) {
  const pb::Reflection& reflection = *message.GetReflection();
  const bool add = field.is_repeated();
  if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) {
    pb::Message& part =
        *(add ? reflection.AddMessage(&message, &field) : reflection.MutableMessage(&message, &field));
    const bool empty = node.kind == TreeNode::Kind::kMap && node.members.empty();
    if (empty && field.full_name() == kMayBeEmpty) return;
    return DecodeMessage(node, part, path);
  }
  // Whether the text is right or not, an element keeps its place.
  const bool is_scalar = node.kind == TreeNode::Kind::kScalar;
  switch (field.cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_BOOL: {
      const std::optional<bool> value = is_scalar ? ReadBool(node) : std::nullopt;
      if (!value) Expected(node, path, "true or false");
      if (add) return reflection.AddBool(&message, &field, value.value_or(false));
      if (value) reflection.SetBool(&message, &field, *value);
      return;
    }
    case pb::FieldDescriptor::CPPTYPE_UINT32: {
      constexpr uint32_t kMax = std::numeric_limits<uint32_t>::max();
      const std::optional<uint64_t> value = is_scalar ? ReadUnsigned(node, kMax) : std::nullopt;
      if (!value) Expected(node, path, Concat("a whole number from 0 to ", kMax, is_scalar ? OctalHint(node.text) : ""));
      if (add) return reflection.AddUInt32(&message, &field, static_cast<uint32_t>(value.value_or(0)));
      if (value) reflection.SetUInt32(&message, &field, static_cast<uint32_t>(*value));
      return;
    }
    case pb::FieldDescriptor::CPPTYPE_UINT64: {
      constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
      const std::optional<uint64_t> value = is_scalar ? ReadUnsigned(node, kMax) : std::nullopt;
      if (!value) Expected(node, path, Concat("a whole number from 0 to ", kMax));
      if (add) return reflection.AddUInt64(&message, &field, value.value_or(0));
      if (value) reflection.SetUInt64(&message, &field, *value);
      return;
    }
    case pb::FieldDescriptor::CPPTYPE_INT32: {
      constexpr int32_t kMin = std::numeric_limits<int32_t>::min();
      constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
      const std::optional<int64_t> value = is_scalar ? ReadSigned(node, kMin, kMax) : std::nullopt;
      if (!value) Expected(node, path, Concat("a whole number from ", kMin, " to ", kMax));
      if (add) return reflection.AddInt32(&message, &field, static_cast<int32_t>(value.value_or(0)));
      if (value) reflection.SetInt32(&message, &field, static_cast<int32_t>(*value));
      return;
    }
    case pb::FieldDescriptor::CPPTYPE_INT64: {
      constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
      constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
      const std::optional<int64_t> value = is_scalar ? ReadSigned(node, kMin, kMax) : std::nullopt;
      if (!value) Expected(node, path, Concat("a whole number from ", kMin, " to ", kMax));
      if (add) return reflection.AddInt64(&message, &field, value.value_or(0));
      if (value) reflection.SetInt64(&message, &field, *value);
      return;
    }
    case pb::FieldDescriptor::CPPTYPE_DOUBLE: {
      const std::optional<double> value = is_scalar ? ReadDouble(node) : std::nullopt;
      if (!value) Expected(node, path, "a number");
      if (add) return reflection.AddDouble(&message, &field, value.value_or(0));
      return value ? reflection.SetDouble(&message, &field, *value) : void();
    }
    case pb::FieldDescriptor::CPPTYPE_FLOAT: {
      const std::optional<double> value = is_scalar ? ReadDouble(node) : std::nullopt;
      if (!value) return Expected(node, path, "a number");
      const auto single = static_cast<float>(*value);  // what is too large for it is infinite
      return add ? reflection.AddFloat(&message, &field, single) : reflection.SetFloat(&message, &field, single);
    }
    case pb::FieldDescriptor::CPPTYPE_ENUM:
      return DecodeEnum(node, message, field, path);
    case pb::FieldDescriptor::CPPTYPE_STRING: {
      const bool is_bytes = field.type() == pb::FieldDescriptor::TYPE_BYTES;
      std::optional<std::string> value;
      if (is_scalar) value = is_bytes ? ReadBytes(node) : node.text;
      if (!value) Expected(node, path, is_bytes ? "bytes in base64" : "a string");
      if (add) return reflection.AddString(&message, &field, value.value_or(""));
      if (value) reflection.SetString(&message, &field, *std::move(value));
      return;
    }
    default:
      Expected(node, path, Concat("a ", field.type_name(), ", which cannot be read from text"));
  }
}

void Decoder::DecodeEnum(const TreeNode& node, pb::Message& message, const pb::FieldDescriptor& field,
                         const std::string& path) {
  const pb::EnumDescriptor& type = *field.enum_type();
  const pb::EnumValueDescriptor* value = node.kind == TreeNode::Kind::kNull ? type.FindValueByName("NULL_VALUE") : nullptr;
  if (node.kind == TreeNode::Kind::kScalar) {
    value = type.FindValueByName(node.text);
    const std::optional<int64_t> number =
        ReadSigned(node, std::numeric_limits<int>::min(), std::numeric_limits<int>::max());
    if (value == nullptr && number) value = type.FindValueByNumber(static_cast<int>(*number));
  }
  if (value == nullptr) {
    std::vector<std::string_view> names;
    std::string all;
    for (int i = 0; i < type.value_count(); ++i) {
      const std::string& name = type.value(i)->name();
      if (name.ends_with("UNSPECIFIED") || name.starts_with("DEPRECATED")) continue;  // nobody means them
      names.push_back(name);
      all += Concat(all.empty() ? "" : ", ", name);
    }
    errors_.AddUnreadable(path, Concat(Describe(node), ", expected one of ", all, DidYouMean(node.text, names)), node.line);
    value = type.value(0);  // an element keeps its place
  }
  const pb::Reflection& reflection = *message.GetReflection();
  if (field.is_repeated()) return reflection.AddEnum(&message, &field, value);
  reflection.SetEnum(&message, &field, value);
}

void Decoder::DecodeAny(const TreeNode& node, pb::Any& any, const std::string& path) {
  if (node.kind != TreeNode::Kind::kMap) return Expected(node, path, "a map with \"@type\"");
  const TreeNode* url = nullptr;
  for (const TreeNode::Member& member : node.members) {
    if (member.key == kTypeKey) url = member.value;
  }
  if (url == nullptr || url->kind != TreeNode::Kind::kScalar) {
    return errors_.Add(path, "\"@type\" is missing; expected \"type.googleapis.com/\" and the message's name", node.line);
  }
  const TreeNode* fields = &node;
  std::string fields_path = path;
  if (IsTypedStruct(url->text)) {
    const std::optional<TypedStruct> typed = DecodeTypedStruct(node, path);
    if (!typed) return;
    url = typed->url;
    fields = typed->value;
    fields_path = FieldPath(path, "value");
  }
  const pb::Descriptor* type = FindExtensionType(url->text);
  if (type == nullptr && optional_) {
    notes_.push_back({path, url->line, Concat(UnknownTypeText(url->text), kPassedOver)});
    return KeepName(url->text, any);
  }
  if (type == nullptr) return errors_.Add(path, UnknownTypeText(url->text), url->line);
  if (unknown_.disabled_extensions.contains(ExtensionName(type->full_name()))) {
    return errors_.Add(path, Concat(ExtensionName(type->full_name()), " is disabled by --disable-extensions"), url->line);
  }
  const std::unique_ptr<pb::Message> message(pb::MessageFactory::generated_factory()->GetPrototype(type)->New());
  if (fields != nullptr) DecodeFields(*fields, *message, fields_path, fields == &node);
  any.PackFrom(*message);
}

std::optional<TypedStruct> Decoder::DecodeTypedStruct(const TreeNode& node, const std::string& path) {
  TypedStruct typed;
  std::map<std::string_view, int> keys;
  bool good = true;
  for (const TreeNode::Member& member : node.members) {
    if (!FirstOf(member, keys, path)) return std::nullopt;
    const std::string name = SnakeCase(member.key);
    if (member.key == kTypeKey) continue;
    if (name == "type_url" && typed.url == nullptr) {
      typed.url = member.value;
    } else if (name == "value" && typed.value == nullptr) {
      typed.value = member.value;
    } else {
      errors_.Add(path, Concat("unknown field ", Quote(member.key), ", expected type_url and value"), member.line);
      good = false;
    }
  }
  if (typed.url == nullptr || typed.url->kind != TreeNode::Kind::kScalar) {
    errors_.Add(path, "\"type_url\" is missing; expected \"type.googleapis.com/\" and the message's name", node.line);
    return std::nullopt;
  }
  if (typed.value != nullptr && typed.value->kind == TreeNode::Kind::kNull) typed.value = nullptr;
  if (typed.value != nullptr && typed.value->kind != TreeNode::Kind::kMap) {
    Expected(*typed.value, FieldPath(path, "value"), "a map");
    return std::nullopt;
  }
  if (!good) return std::nullopt;
  return typed;
}

void Decoder::DecodeDuration(const TreeNode& node, pb::Duration& duration, const std::string& path) {
  const std::optional<DurationParts> parts =
      node.kind == TreeNode::Kind::kScalar ? ReadDuration(node) : std::nullopt;
  if (!parts) return Expected(node, path, "a duration in seconds such as \"1.5s\"");
  duration.set_seconds(parts->seconds);
  duration.set_nanos(parts->nanos);
}

void Decoder::DecodeTimestamp(const TreeNode& node, pb::Timestamp& time, const std::string& path) {
  const std::optional<expression::Seconds> since =
      node.kind == TreeNode::Kind::kScalar ? expression::ParseTimestamp(node.text) : std::nullopt;
  if (!since) return Expected(node, path, "a time such as \"2026-12-01T08:00:00Z\"");
  time.set_seconds(since->seconds);
  time.set_nanos(static_cast<int32_t>(since->nanos));
}

void Decoder::DecodeStruct(const TreeNode& node, pb::Struct& fields, const std::string& path) {
  if (node.kind != TreeNode::Kind::kMap) return Expected(node, path, "a map");
  DecodeFreeMap(node, fields, path, 1);
}

void Decoder::DecodeFreeMap(const TreeNode& node, pb::Struct& fields, const std::string& path, int depth) {
  std::map<std::string_view, int> keys;
  for (const TreeNode::Member& member : node.members) {
    if (!FirstOf(member, keys, path)) continue;
    DecodeFreeValue(*member.value, (*fields.mutable_fields())[member.key], FieldPath(path, member.key), depth + 1);
  }
}

void Decoder::DecodeFreeValue(const TreeNode& node, pb::Value& value, const std::string& path, int depth) {
  if (depth > kMaxFreeDepth) {
    return errors_.Add(path, Concat("nested deeper than ", kMaxFreeDepth, " in free data"), node.line);
  }
  switch (node.kind) {
    case TreeNode::Kind::kNull:
      return value.set_null_value(pb::NULL_VALUE);
    case TreeNode::Kind::kMap:
      return DecodeFreeMap(node, *value.mutable_struct_value(), path, depth);
    case TreeNode::Kind::kList:
      value.mutable_list_value();
      for (size_t i = 0; i < node.elements.size(); ++i) {
        DecodeFreeValue(*node.elements[i], *value.mutable_list_value()->add_values(), ElementPath(path, i),
                        depth + 1);
      }
      return;
    case TreeNode::Kind::kScalar:
      break;
  }
  const std::optional<bool> truth = ReadBool(node);
  const std::optional<double> number = node.quoted ? std::nullopt : ReadDouble(node);
  if (truth) return value.set_bool_value(*truth);
  if (number) return value.set_number_value(*number);
  value.set_string_value(node.text);
}

}  // namespace

void Decode(const Tree& tree, const UnknownRule& unknown, pb::Message& message, ErrorList& errors,
            std::vector<ConfigError>& notes) {
  Decoder(unknown, errors, notes).DecodeMessage(tree.root(), message, "");
}

}  // namespace pillion::config
