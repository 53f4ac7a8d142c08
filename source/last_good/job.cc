#include "source/last_good/job.h"

#include "source/config/inline_secrets.h"
#include "source/config/text.h"
#include "source/last_good/format.h"
#include "source/last_good/replacement.h"

namespace pillion::last_good {

Verdict Judge(const std::shared_ptr<const google::protobuf::Any>& body, bool include_secrets) {
  if (include_secrets) return {.body = body, .why = ""};
  std::optional<config::Writable> writable = config::WritableOf(*body);
  if (!writable) return {.body = nullptr, .why = "it can't be told whether there is a secret in it"};
  if (!writable->secret.empty()) {
    return {.body = nullptr, .why = config::Concat("its ", writable->secret, " is a secret: include_secrets is not set")};
  }
  if (!writable->known) return {.body = body, .why = ""};
  return {.body = std::make_shared<const google::protobuf::Any>(*std::move(writable->known)), .why = "", .changed = true};
}

Job::Job(std::string path, Owner owner, bool include_secrets, base::WallTime now, Sections as_they_are, Verdicts known)
    : path_(std::move(path)),
      owner_(std::move(owner)),
      include_secrets_(include_secrets),
      now_(now),
      as_they_are_(std::move(as_they_are)),
      known_(std::move(known)) {}

void Job::Run() {
  Replacement file(path_, kMagic);
  Writer writer(owner_, now_, [&file](std::string_view bytes) { file.Append(bytes); });
  const auto begin = [&](const SectionId& id, const Section& section) -> Section& {
    writer.Begin(id);
    for (const auto& [name, why] : section.left_out) writer.LeaveOut(name, why);
    Section& written = result_.written[id];
    written.left_out = section.left_out;
    return written;
  };
  for (const auto& [id, section] : as_they_are_) {
    Section& written = begin(id, section);
    for (const auto& [name, kept] : section.kept) {
      writer.Add(name, kept);
      written.kept[name].version = kept.version;
    }
  }
  for (const auto& [id, section] : taken_) {
    Section& written = begin(id, section);
    for (const auto& [name, kept] : section.kept) {
      const auto known = known_.find(kept.body);
      const Verdict& verdict =
          verdicts_.try_emplace(kept.body, known != known_.end() ? known->second : Judge(kept.body, include_secrets_))
              .first->second;
      if (verdict.body == nullptr) {
        writer.LeaveOut(name, verdict.why);
        written.left_out[name] = verdict.why;
        continue;
      }
      // What was changed is not what the control plane knows by that version.
      writer.Add(name, {.version = verdict.changed ? "" : kept.version, .body = verdict.body});
      written.kept[name].version = kept.version;
    }
  }
  writer.End();
  known_.clear();
  result_.bytes = file.size();
  result_.status = file.Commit();
}

}  // namespace pillion::last_good
