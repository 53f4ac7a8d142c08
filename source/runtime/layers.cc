#include "source/runtime/layers.h"

#include <filesystem>

#include "source/runtime/directory.h"
#include "source/runtime/value.h"

namespace pillion::runtime {

Layers::Layers(std::vector<LayerSettings> settings, Keys& keys)
    : settings_(std::move(settings)), keys_(keys), values_(settings_.size()) {
  for (size_t i = 0; i < settings_.size(); ++i) {
    if (const auto* fixed = std::get_if<StaticLayer>(&settings_[i].source)) values_[i] = fixed->values;
  }
}

absl::Status Layers::Load() {
  std::vector<Keys::Values> values = values_;
  for (size_t i = 0; i < settings_.size(); ++i) {
    const auto* disk = std::get_if<DiskLayer>(&settings_[i].source);
    if (disk == nullptr) continue;
    std::error_code error;
    const bool exists = disk->of_cluster && std::filesystem::is_directory(disk->path, error);
    ++(exists ? counts_.override_dir_exists : counts_.override_dir_not_exists);
    absl::StatusOr<Keys::Values> read = ReadDirectory(disk->path);
    if (!read.ok()) {
      ++counts_.load_error;
      return read.status();
    }
    values[i] = *std::move(read);
  }
  ++counts_.load_success;
  values_ = std::move(values);
  Merge();
  return absl::OkStatus();
}

absl::Status Layers::Modify(const std::vector<std::pair<std::string, std::string>>& changes) {
  for (size_t i = 0; i < settings_.size(); ++i) {
    if (!std::holds_alternative<AdminLayer>(settings_[i].source)) continue;
    for (const auto& [name, text] : changes) {
      if (text.empty()) {
        values_[i].erase(name);
      } else {
        values_[i].insert_or_assign(name, ParseValue(text));
      }
    }
    return Load();
  }
  return absl::FailedPreconditionError("No admin layer specified");
}

void Layers::Push(size_t layer, Keys::Values values) {
  values_[layer] = std::move(values);
  ++counts_.load_success;
  Merge();
}

size_t Layers::overrides() const {
  for (size_t i = 0; i < settings_.size(); ++i) {
    if (std::holds_alternative<AdminLayer>(settings_[i].source)) return values_[i].size();
  }
  return 0;
}

std::vector<std::string> Layers::Unheeded() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : merged_) {
    if (!keys_.Knows(name)) names.push_back(name);
  }
  return names;
}

void Layers::Merge() {
  merged_.clear();
  for (const Keys::Values& layer : values_) {
    for (const auto& [name, value] : layer) merged_.insert_or_assign(name, value);
  }
  keys_.Apply(merged_);
}

}  // namespace pillion::runtime
