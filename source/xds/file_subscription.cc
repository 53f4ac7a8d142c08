#include "source/xds/file_subscription.h"

#include <utility>

#include "source/config/text.h"
#include "source/xds/kind.h"

namespace pillion::xds {
namespace {

std::string_view LastPart(std::string_view type_name) { return type_name.substr(type_name.rfind('.') + 1); }

}  // namespace

// In a file for one name, that it is not there is said by what is removed.
FileSubscription::FileSubscription(config::PathSource source, const Files& files, Options options, TypeWatcher& watcher,
                                   const base::Clock& clock, Log log)
    : FetchedSubscription(source.path, options.all ? Form::kState : Form::kDelta, options, watcher, clock, std::move(log)),
      source_(std::move(source)),
      files_(files) {}

void FileSubscription::Start() {
  if (wanted()) Read();
}

void FileSubscription::Subscribe(const std::string& name) {
  protocol_.Subscribe(name);
  Read();
}

void FileSubscription::Unsubscribe(const std::string& name) {
  protocol_.Unsubscribe(name);
  if (!wanted()) watch_.reset();
}

void FileSubscription::Watch() {
  const auto again = [this] { Read(); };
  absl::StatusOr<std::unique_ptr<event::FileWatch>> watch =
      source_.watched_directory.empty() ? files_.watcher.WatchFile(source_.path, again)
                                        : files_.watcher.WatchDirectory(source_.watched_directory, again);
  if (watch.ok()) {
    watch_ = *std::move(watch);
  } else {
    complaints_.Say(config::Concat(who_, ": it is read, but not watched: ", std::string(watch.status().message())));
  }
}

void FileSubscription::Read() {
  again_ = reading_;
  if (reading_) return;
  reading_ = true;
  do {
    again_ = false;
    // Before it is read: what changes in between is read once more.
    if (watch_ == nullptr) Watch();
    ReadOnce();
  } while (again_ && wanted());
  reading_ = false;
}

void FileSubscription::ReadOnce() {
  CountAttempt();
  std::optional<Answer> answer =
      ReadAnswer(config::ReadResourceFile(source_.path, files_.unknown, config::ResourceFile::Form::kResponse));
  if (!answer) return;
  options_.all ? Take(*answer) : TakeOne(*std::move(answer));
}

void FileSubscription::TakeOne(Answer answer) {
  if (answer.items.size() > 1) {
    const std::string why = config::Concat("resources: ", answer.items.size(), " resources, expected the one ",
                                           LastPart(options_.type_name));
    return Refuse(answer, wanted_names(), why);
  }
  if (answer.items.empty()) {
    answer.removed = wanted_names();
    return Take(answer);
  }
  const std::string name = answer.items.front().name;
  if (name.empty()) {
    Take(answer);  // says why it can't be read
    return watcher_.OnRefused(wanted_names());
  }
  const std::string_view field = options_.type_name == NamesOf(Kind::kEndpoints).type ? "cluster_name" : "name";
  for (const std::string& other : wanted_names()) {
    if (other == name) continue;
    Refuse(answer, {other},
           config::Concat("resources[0].", field, ": ", config::Quote(name), ", expected ", config::Quote(other)));
  }
  if (protocol_.interest().Wants(name)) Take(answer);
}

}  // namespace pillion::xds
